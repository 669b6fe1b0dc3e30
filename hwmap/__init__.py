"""hwmap compiles trained networks (ONNX) into FPGA accelerators."""
