# Vitis HLS project of the accelerator for 'chain': for vitis_hls -f up to 2024.1, for
# vitis-run --mode hls --tcl from 2024.2 on. Options come in environment variables:
#   HWMAP_GOAL         csim, synth, cosim or ip (synth if it is not set)
#   HWMAP_UNCERTAINTY  of the clock, 27% if it is not set: what placing and routing may still take
set goal [expr {[info exists ::env(HWMAP_GOAL)] ? $::env(HWMAP_GOAL) : "synth"}]
set top hwmap_top
set uncertainty [expr {[info exists ::env(HWMAP_UNCERTAINTY)] ? $::env(HWMAP_UNCERTAINTY) : "27%"}]
if {$goal ni {csim synth cosim ip}} {
  puts stderr "HWMAP_GOAL=$goal; expected csim, synth, cosim or ip"
  exit 1
}
set here [file dirname [file normalize [info script]]]

cd $here
open_project -reset vitis
set_top $top
set flags "-std=c++14 -DHWMAP_VITIS -Ihls"
add_files hls/top.cpp -cflags $flags
add_files -tb hls/testbench.cpp -cflags $flags
open_solution -reset solution -flow_target vivado
set_part xc7z020clg400-1
create_clock -period 10.000
set_clock_uncertainty $uncertainty
# What AXI ports buffer: block RAM is the plan's alone (UG1399, config_interface).
config_interface -m_axi_buffer_impl lutram

if {$goal eq "csim"} { csim_design -argv [list $here]; exit }
csynth_design
if {$goal eq "cosim"} { cosim_design -argv [list $here] }
if {$goal eq "ip"} { export_design -format ip_catalog }
exit
