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

// One lane of the vector unit: operands are selected, then multiplied, then added or compared.
module lane #(parameter SLICES = 8, parameter SUM_BITS = 31) (
    input clk, input first, input is_product, input has_weight,
    input early_first, input [8*SLICES-1:0] weights, input [$clog2(SLICES)-1:0] slice,
    input signed [7:0] value, input signed [21:0] operand,
    output reg signed [SUM_BITS-1:0] sum, output reg signed [7:0] largest
);
  reg signed [7:0] weight, v1, v2, v3, v4;
  reg signed [21:0] o1, factor;
  reg signed [8:0] centred, held;
  reg signed [30:0] m1, m2;
  wire signed [7:0] slot [0:SLICES-1];
  genvar s;
  generate
    for (s = 0; s < SLICES; s = s + 1) begin : slots
      assign slot[s] = weights[8*s +: 8];
    end
  endgenerate
  wire signed [SUM_BITS-1:0] before = first || is_product ? 0 : sum;
  always @(posedge clk) begin
    weight <= slot[slice]; v1 <= value; o1 <= operand;
    factor <= is_product ? held : has_weight ? weight : o1;
    centred <= is_product ? v1 - o1 : v1;
    if (is_product && early_first) held <= v1 - o1;
    v2 <= v1; v3 <= v2; v4 <= v3;
    m1 <= factor * centred; m2 <= m1;
    sum <= before + m2;
    if (first || v4 > largest) largest <= v4;
  end
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

// Reads LANES bytes from any lane on, and puts `outside` beyond [low, high).
module read_rotator #(parameter LANES = 16) (
    input clk, input [8*LANES-1:0] bytes, input [$clog2(LANES)-1:0] offset,
    input [$clog2(LANES):0] low, high, input [7:0] outside, input [11:0] row,
    output reg [8*LANES-1:0] rotated, output reg [12*LANES-1:0] rows
);
  localparam L = $clog2(LANES);
  reg [L-1:0] o1;
  reg [8*LANES-1:0] half;
  reg [L:0] low1, high1;
  wire [16*LANES-1:0] once = {bytes, bytes} >> (8 * (offset & ((1 << (L / 2)) - 1)));
  wire [16*LANES-1:0] twice = {half, half} >> (8 * ((o1 >> (L / 2)) << (L / 2)));
  reg [LANES-1:0] pad;
  reg [8*LANES-1:0] turned;
  integer i;
  always @(posedge clk) begin
    half <= once[8*LANES-1:0]; o1 <= offset; low1 <= low; high1 <= high;
    turned <= twice[8*LANES-1:0];
    for (i = 0; i < LANES; i = i + 1) begin
      rows[12*i +: 12] <= row + (i < offset);
      pad[i] <= i < low1 || i >= high1;
      rotated[8*i +: 8] <= pad[i] ? outside : turned[8*i +: 8];
    end
  end
endmodule

// Writes the first `count` of N bytes from any lane on.
module write_rotator #(parameter LANES = 16, parameter COUNT = 8) (
    input clk, input [8*COUNT-1:0] bytes, input [$clog2(LANES)-1:0] offset, input [$clog2(LANES):0] count,
    input [11:0] row,
    output reg [8*LANES-1:0] rotated, output reg [LANES-1:0] enable, output reg [12*LANES-1:0] rows
);
  localparam L = $clog2(LANES);
  wire [8*LANES-1:0] wide = bytes;
  wire [L-1:0] up = offset;
  reg [L-1:0] o1;
  reg [8*LANES-1:0] half;
  wire [16*LANES-1:0] once = {wide, wide} << (8 * (up & ((1 << (L / 2)) - 1)));
  wire [16*LANES-1:0] twice = {half, half} << (8 * ((o1 >> (L / 2)) << (L / 2)));
  reg [L:0] c1;
  reg [11:0] r1;
  integer i;
  wire [L-1:0] from [0:LANES-1];
  genvar g;
  generate
    for (g = 0; g < LANES; g = g + 1) begin : lanes
      assign from[g] = g - o1;
    end
  endgenerate
  always @(posedge clk) begin
    half <= once[16*LANES-1:8*LANES]; o1 <= offset; c1 <= count; r1 <= row;
    rotated <= twice[16*LANES-1:8*LANES];
    for (i = 0; i < LANES; i = i + 1) begin
      enable[i] <= from[i] < c1;
      rows[12*i +: 12] <= r1 + (i < o1);
    end
  end
endmodule

// The sums of a complete block, on their way to RESULTS requantizers.
module block_register #(parameter BLOCK = 16, parameter RESULTS = 4, parameter SUM_BITS = 31) (
    input clk, input hand_over, input drain, input is_max, input [SUM_BITS*BLOCK-1:0] sums,
    input [8*BLOCK-1:0] largest, output reg [SUM_BITS*BLOCK-1:0] complete
);
  wire [SUM_BITS*BLOCK-1:0] handed;
  genvar g;
  generate
    for (g = 0; g < BLOCK; g = g + 1) begin : results
      assign handed[SUM_BITS*g +: SUM_BITS] =
          is_max ? $signed(largest[8*g +: 8]) : $signed(sums[SUM_BITS*g +: SUM_BITS]);
    end
  endgenerate
  always @(posedge clk)
    if (hand_over) complete <= handed;
    else if (drain) complete <= complete >> (SUM_BITS * RESULTS);
endmodule

// The address walk (hls/hwmap/sequential/walker.hpp): seven counters with registered flags, and
// offsets of ADDRESS bits that are reset or moved by a constant of the step.
module walker #(parameter COUNT_BITS = 10, parameter ADDRESS_BITS = 19, parameter LANES = 16) (
    input clk, input start, input [7*COUNT_BITS-1:0] counts, input [12*ADDRESS_BITS-1:0] moves,
    input is_pair, input is_scale, input is_matrix,
    output reg has_term, output reg [7:0] flags, output reg [ADDRESS_BITS-1:0] from,
    output reg [$clog2(LANES):0] low, high, output reg [ADDRESS_BITS-1:0] target,
    output [ADDRESS_BITS-1:0] weight, output [COUNT_BITS-1:0] left_out
);
  wire [6:0] last;
  wire word_ends = has_term && last[0], run_ends = word_ends && last[1];
  wire terms_end = run_ends && last[2], block_ends = last[3];
  wire group_ends = block_ends && last[4], pixel_ends = group_ends && last[5];
  wire line_ends = pixel_ends && last[6];
  wire [6:0] step = {pixel_ends, group_ends, block_ends, 1'b1, run_ends, word_ends, has_term};
  genvar g;
  generate
    for (g = 0; g < 7; g = g + 1) begin : counters
      reg [COUNT_BITS-1:0] left;
      reg flag;
      wire [COUNT_BITS-1:0] restart = counts[COUNT_BITS*g +: COUNT_BITS];
      always @(posedge clk) begin
        if (start || (step[g] && flag)) begin
          left <= restart; flag <= restart == 0;
        end else if (step[g]) begin
          left <= left - 1; flag <= left == 1;
        end
      end
      assign last[g] = flag;
    end
  endgenerate
  // word, run, block, group, column; tap row and address; window row and address; weight; channel;
  // target block, group, pixel, row; channels left.
  reg signed [ADDRESS_BITS-1:0] r [0:15];
  wire signed [ADDRESS_BITS-1:0] m [0:11];
  generate
    for (g = 0; g < 12; g = g + 1) begin : constants
      assign m[g] = moves[ADDRESS_BITS*g +: ADDRESS_BITS];
    end
  endgenerate
  wire signed [ADDRESS_BITS-1:0] lanes = is_matrix ? 16 : 32;
  reg signed [ADDRESS_BITS-1:0] below, below_address;
  wire signed [ADDRESS_BITS-1:0] begin_line = r[14] + m[2];
  always @(posedge clk) begin
    has_term <= start || block_ends || (has_term && !terms_end);
    if (start || word_ends) r[0] <= 0; else if (has_term) r[0] <= r[0] + 16;
    if (start || run_ends) r[1] <= 0; else if (word_ends) r[1] <= r[1] + m[3];
    if (start || group_ends) r[2] <= 0; else if (block_ends) r[2] <= r[2] + m[4];
    if (start || pixel_ends) r[3] <= 0; else if (group_ends) r[3] <= r[3] + m[5];
    if (start || line_ends) r[4] <= m[6]; else if (pixel_ends) r[4] <= r[4] + m[7];
    if (block_ends) r[5] <= line_ends ? below : r[7]; else if (run_ends) r[5] <= r[5] + m[8];
    if (block_ends) r[6] <= line_ends ? below_address : r[8]; else if (run_ends) r[6] <= r[6] + m[9];
    if (start) begin
      r[7] <= m[10]; r[8] <= m[11]; below <= m[10] + m[0]; below_address <= m[11] + m[1];
    end else if (line_ends) begin
      r[7] <= below; r[8] <= below_address;
      below <= below + m[0]; below_address <= below_address + m[1];
    end
    if (start || pixel_ends) r[9] <= m[2]; else if (has_term && is_matrix) r[9] <= r[9] + 1;
    if (start || pixel_ends) r[10] <= m[3]; else if (block_ends) r[10] <= r[10] + m[4];
    if (start || group_ends) r[11] <= 0; else if (block_ends) r[11] <= r[11] + lanes;
    if (start || pixel_ends) r[12] <= 0; else if (group_ends) r[12] <= r[12] + m[5];
    if (start || line_ends) r[13] <= begin_line; else if (pixel_ends) r[13] <= r[13] + m[6];
    if (line_ends) r[14] <= begin_line;
    if (start || group_ends) r[15] <= m[7]; else if (block_ends) r[15] <= r[15] - lanes;
  end
  // What a command holds: sums of offsets, compared with the row.
  reg signed [ADDRESS_BITS-1:0] a1, a2, at, base, begin_, base2, t1, t2, bytes, at3;
  reg inside;
  reg [7:0] f1, f2, f3;
  wire fixed = is_scale && last[1];
  always @(posedge clk) begin
    a1 <= fixed ? 0 : r[4] + r[3] + r[1];
    a2 <= r[2] + r[0];
    base <= fixed ? m[0] : r[6] + (is_pair && last[1] ? m[0] : 0);
    inside <= fixed || (r[5] >= 0 && r[5] < m[1]);
    at <= a1 + a2; base2 <= base; bytes <= inside ? m[2] : 0;
    low <= at >= 0 ? 0 : at < -LANES ? LANES : -at;
    at3 <= bytes - at;
    begin_ <= base2 + at;
    high <= at3 < 0 ? 0 : at3 > LANES ? LANES : at3;
    from <= begin_ + LANES;
    t1 <= r[13] + r[12]; t2 <= t1 + r[11]; target <= t2 + LANES;
    f1 <= {has_term, last}; f2 <= f1; f3 <= f2; flags <= f3;
  end
  assign weight = r[9];
  assign left_out = r[15];
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

// The fetcher (hls/hwmap/sequential/constants.hpp): words of BITS from the FIFO into PARTS memories
// side by side, then into others.
module fetcher #(parameter ADDRESS_BITS = 12, parameter BITS = 64, parameter PARTS = 32) (
    input clk, input start, input [4*ADDRESS_BITS-1:0] fetch, input valid, input [BITS-1:0] d,
    output read, output reg [BITS-1:0] word, output reg [PARTS-1:0] enable, output reg other,
    output reg [ADDRESS_BITS-1:0] address
);
  reg [ADDRESS_BITS-1:0] weight, weights, channel, channels;
  reg [$clog2(PARTS)-1:0] part;
  wire first = weights != 0;
  assign read = valid && (first || channels != 0);
  wire last = part == PARTS - 1;
  always @(posedge clk) begin
    word <= d;
    address <= first ? weight : channel;
    other <= read && !first;
    enable <= read ? 1 << part : 0;
    if (start) {weight, weights, channel, channels, part} <= fetch << $clog2(PARTS);
    else if (read) begin
      part <= last ? 0 : part + 1;
      if (last && first) begin
        weight <= weight + 1; weights <= weights - 1;
      end
      if (last && !first) begin
        channel <= channel + 1; channels <= channels - 1;
      end
    end
  end
endmodule
