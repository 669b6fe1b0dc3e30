# Vitis HLS project of the accelerator for 'chain': vitis_hls -f vitis_hls.tcl -tclargs GOAL
# GOAL is csim, synth, cosim or ip.
set goal [expr {[llength $argv] > 0 ? [lindex $argv end] : "synth"}]
set here [file dirname [file normalize [info script]]]

cd $here
open_project -reset vitis
set_top hwmap_top
set flags "-std=c++17 -DHWMAP_VITIS -Ihls"
add_files hls/top.cpp -cflags $flags
add_files -tb hls/testbench.cpp -cflags $flags
open_solution -reset solution -flow_target vivado
set_part xc7z020clg400-1
create_clock -period 10.000

if {$goal eq "csim"} { csim_design -argv $here; exit }
csynth_design
if {$goal eq "cosim"} { cosim_design -argv $here }
if {$goal eq "ip"} { export_design -format ip_catalog }
exit
