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

// The two sums of a channel of a block, one of which grows while the other leaves: two memories of
// WORDS pixels in LUTs, what the term does to the one, and the other as it leaves.
module sums #(parameter WORDS = 32) (
    input clk, input write, input is_odd, input first, input largest,
    input [$clog2(WORDS)-1:0] pixel, leaving_pixel, written_pixel,
    input signed [31:0] term, output reg signed [31:0] done
);
  (* ram_style = "distributed" *) reg signed [31:0] even[0:WORDS-1];
  (* ram_style = "distributed" *) reg signed [31:0] odd[0:WORDS-1];
  wire signed [31:0] even_read = even[is_odd ? leaving_pixel : pixel];
  wire signed [31:0] odd_read = odd[is_odd ? pixel : leaving_pixel];
  reg signed [31:0] before, next;
  always @(posedge clk) begin
    before <= is_odd ? odd_read : even_read;
    done <= is_odd ? even_read : odd_read;
    next <= first ? term : largest ? (before > term ? before : term) : before + term;
    if (write && !is_odd) even[written_pixel] <= next;
    if (write && is_odd) odd[written_pixel] <= next;
  end
endmodule

// Of the sums and constants of a block, those of a slice of RESULTS channels.
module selection #(parameter CHANNELS = 16, parameter RESULTS = 4) (
    input clk, input [5:0] slice, input [96*CHANNELS-1:0] d, output reg [96*RESULTS-1:0] q
);
  localparam SLICES = (CHANNELS + RESULTS - 1) / RESULTS;
  wire [96*RESULTS*SLICES-1:0] padded = d;
  integer s;
  reg [96*RESULTS-1:0] picked;
  always @* begin
    picked = 0;
    for (s = 0; s < SLICES; s = s + 1)
      if (slice == s) picked = padded[96*RESULTS*s +: 96*RESULTS];
  end
  always @(posedge clk) q <= picked;
endmodule

// A vector lane without its three multipliers: the columns that it slides over, the operands of each
// multiplier, and the sum or the largest of three.
module lane #(parameter TAPS = 3) (
    input clk, input [7:0] column, input [8*TAPS-1:0] weights, input [22*TAPS-1:0] factors,
    input [7:0] first_zero, second_zero, input weighted, product, largest, input [TAPS-1:0] taken,
    output reg [22*TAPS-1:0] scales, output reg [9*TAPS-1:0] others,
    input [31*TAPS-1:0] products, output reg signed [31:0] term
);
  reg signed [7:0] columns[0:TAPS-1];
  wire signed [8:0] centred = columns[1] - $signed(first_zero);
  reg signed [7:0] most1;
  reg signed [7:0] last;
  reg signed [31:0] two;
  reg signed [30:0] third;
  integer t;
  always @(posedge clk) begin
    columns[0] <= column;
    for (t = 1; t < TAPS; t = t + 1) columns[t] <= columns[t-1];
    for (t = 0; t < TAPS; t = t + 1) begin
      scales[22*t +: 22] <= weighted ? $signed(weights[8*t +: 8])
          : product ? (t == 0 ? centred : 0) : $signed(factors[22*t +: 22]);
      others[9*t +: 9] <= product ? columns[t] - $signed(second_zero) : columns[t];
    end
    most1 <= taken[1] && columns[1] > columns[0] ? columns[1] : columns[0];
    last <= taken[2] && columns[2] > most1 ? columns[2] : most1;
    two <= $signed(products[30:0]) + $signed(products[61:31]);
    third <= products[92:62];
    term <= largest ? last : two + third;
  end
endmodule

// BANKS words of 64 bits, so many places further; half of the stages behind a register.
module rotator #(parameter BANKS = 4) (
    input clk, input [$clog2(BANKS)-1:0] places, input [64*BANKS-1:0] d, output reg [64*BANKS-1:0] q
);
  localparam STAGES = $clog2(BANKS);
  wire [64*BANKS-1:0] stage[0:STAGES];
  assign stage[0] = d;
  genvar s;
  generate
    for (s = 0; s < STAGES; s = s + 1) begin : rotate
      assign stage[s+1] = places[s]
          ? {stage[s][64*(1<<s)-1:0], stage[s][64*BANKS-1:64*(1<<s)]} : stage[s];
    end
  endgenerate
  always @(posedge clk) q <= stage[STAGES];
endmodule

// Words of the input stream as words of the arena: as they are, or pixels of 1 to 4 channels.
module unpacker #(parameter BANKS = 4, parameter BUS_BYTES = 8) (
    input clk, input [2:0] channels, input [8*BUS_BYTES-1:0] d, output reg [64*BANKS-1:0] q
);
  integer i, c;
  reg [64*BANKS-1:0] found;
  always @* begin
    found = d;
    for (i = 0; i < 8 * BANKS; i = i + 1)
      for (c = 1; c <= 4; c = c + 1)
        if (channels == c)
          found[8*i +: 8] = i % 8 < c && i / 8 * c + i % 8 < BUS_BYTES
              ? d[8*((i / 8 * c + i % 8) % BUS_BYTES) +: 8] : 0;
  end
  always @(posedge clk) q <= found;
endmodule
