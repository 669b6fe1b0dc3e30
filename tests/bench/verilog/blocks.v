// The blocks of an engine as an HLS tool would schedule them from hls/hwmap, for counting their LUTs
// and flip-flops with `python -m tests.bench luts`. Every operation has a register behind it; what a
// later stage needs is carried along.

// PE x SIMD multipliers, of which all but the slices is here: each multiplies and adds (b * 2^SHIFT +
// a) * x, pre-adder and wire to the next slice included (UG479, UG579). Cascades of TERMS slices want
// their operands one cycle later from slice to slice. SUM_BITS bits.
module matrix #(
    parameter PE = 4, parameter SIMD = 8, parameter TERMS = 4, parameter SHIFT_BITS = 17,
    parameter SUM_BITS = 24
) (
    input clk, input first,
    input [8*SIMD-1:0] x, input [8*PE*SIMD-1:0] w, input [24*PE*SIMD/TERMS-1:0] cascade_sums,
    output [8*SIMD-1:0] slice_x, output [8*PE*SIMD-1:0] slice_w, output [SUM_BITS*PE-1:0] sums
);
  localparam CASCADES = SIMD / TERMS;
  localparam PART = SHIFT_BITS + $clog2(CASCADES);
  genvar p, c, t;
  generate
    for (t = 0; t < SIMD; t = t + 1) begin : bytes
      delay #(.BITS(8), .CYCLES(t % TERMS)) d (clk, x[8*t +: 8], slice_x[8*t +: 8]);
    end
    for (t = 0; t < PE * SIMD; t = t + 1) begin : weights
      delay #(.BITS(8), .CYCLES(t % TERMS)) d (clk, w[8*t +: 8], slice_w[8*t +: 8]);
    end
    for (p = 0; p < PE; p = p + 2) begin : pair
      wire [PART*CASCADES-1:0] low, high;
      for (c = 0; c < CASCADES; c = c + 1) begin : cascade
        wire signed [47:0] chain = cascade_sums[48*(p/2*CASCADES+c) +: 48];
        reg signed [SHIFT_BITS-1:0] l, h;
        always @(posedge clk) begin
          l <= chain[SHIFT_BITS-1:0];
          h <= (chain >>> SHIFT_BITS) + chain[SHIFT_BITS-1];
        end
        assign low[PART*c +: PART] = l;
        assign high[PART*c +: PART] = h;
      end
      wire signed [PART-1:0] first_sum, second_sum;
      tree #(.BITS(PART), .INPUTS(CASCADES)) first_tree (clk, low, first_sum);
      tree #(.BITS(PART), .INPUTS(CASCADES)) second_tree (clk, high, second_sum);
      reg signed [SUM_BITS-1:0] s0, s1;
      always @(posedge clk) begin
        s0 <= (first ? 0 : s0) + first_sum;
        s1 <= (first ? 0 : s1) + second_sum;
      end
      assign sums[SUM_BITS*p +: SUM_BITS] = s0;
      assign sums[SUM_BITS*(p+1) +: SUM_BITS] = s1;
    end
  endgenerate
endmodule

module delay #(parameter BITS = 8, parameter CYCLES = 0) (
    input clk, input signed [BITS-1:0] d, output signed [BITS-1:0] q
);
  generate
    if (CYCLES == 0) begin : none
      assign q = d;
    end else begin : some
      reg [BITS*CYCLES-1:0] line;
      always @(posedge clk) line <= {line, d};
      assign q = line[BITS*CYCLES-1 -: BITS];
    end
  endgenerate
endmodule

// A registered tree of adders for a power of two of inputs.
module tree #(parameter BITS = 18, parameter INPUTS = 4) (
    input clk, input [BITS*INPUTS-1:0] d, output signed [BITS-1:0] q
);
  generate
    if (INPUTS == 1) begin : leaf
      assign q = d;
    end else begin : node
      wire signed [BITS-1:0] a, b;
      tree #(.BITS(BITS), .INPUTS(INPUTS/2)) ta (clk, d[BITS*INPUTS/2-1:0], a);
      tree #(.BITS(BITS), .INPUTS(INPUTS/2)) tb (clk, d[BITS*INPUTS-1:BITS*INPUTS/2], b);
      reg signed [BITS-1:0] s;
      always @(posedge clk) s <= a + b;
      assign q = s;
    end
  endgenerate
endmodule

// One requantizer (hls/hwmap/requantize.hpp) and the selection of its constants.
module requantizer #(parameter SUM_BITS = 31, parameter MOST_SHIFT = 40) (
    input clk, input signed [SUM_BITS-1:0] sum, own_bias, shared_bias,
    input [16:0] own_multiplier, shared_multiplier, input [5:0] own_shift, shared_shift,
    input per_channel, input signed [7:0] zero_point, low, high,
    output reg signed [7:0] level
);
  localparam HALVES = SUM_BITS + 18;
  reg signed [SUM_BITS-1:0] s1;
  reg [16:0] k1;
  reg [5:0] p1, p2, p3;
  reg signed [HALVES-2:0] m2, m3;
  wire signed [HALVES-1:0] halves = {m3, 1'b0};
  wire [HALVES-1:0] above = halves ^ {HALVES{m3[HALVES-2]}};
  wire [HALVES-1:0] behind = {{(HALVES-MOST_SHIFT){1'b0}}, ~({MOST_SHIFT{1'b1}} << p3[$clog2(MOST_SHIFT+1)-1:0])};
  reg signed [10:0] inside, kept, rounded;
  reg lost, lost5, fits, negative;
  wire signed [10:0] floor = kept >>> 1;
  wire up = kept[0] && (lost5 || kept[1]);
  always @(posedge clk) begin
    s1 <= sum + (per_channel ? own_bias : shared_bias);
    k1 <= per_channel ? own_multiplier : shared_multiplier;
    p1 <= per_channel ? own_shift : shared_shift;
    m2 <= s1 * $signed({1'b0, k1}); p2 <= p1;
    m3 <= m2; p3 <= p2;
    inside <= halves >>> p3[$clog2(MOST_SHIFT+1)-1:0];
    lost <= |(halves & behind);
    fits <= ~|(above & ~((behind << 10) | 1023));
    negative <= m3[HALVES-2];
    kept <= fits ? inside : negative ? -1024 : 1023;
    lost5 <= lost;
    rounded <= floor + up + zero_point;
    level <= rounded < low ? low : rounded > high ? high : rounded[7:0];
  end
endmodule

// A FIFO of 16 words in shift registers: the commands.
module fifo #(parameter BITS = 90) (
    input clk, input write, input read, input [BITS-1:0] d, output [BITS-1:0] q,
    output empty, output full
);
  reg [4:0] count;
  wire [3:0] at = count - 1;
  genvar g;
  generate
    for (g = 0; g < BITS; g = g + 1) begin : bits
      reg [15:0] line;
      always @(posedge clk) if (write) line <= {line, d[g]};
      assign q[g] = line[at];
    end
  endgenerate
  always @(posedge clk) count <= count + write - read;
  assign empty = count == 0;
  assign full = count[4];
endmodule

