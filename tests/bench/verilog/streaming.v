// The blocks of streaming kernels as an HLS tool would schedule them from hls/hwmap/streaming, for
// counting their LUTs and flip-flops with `python -m tests.bench luts`; needs blocks.v.

// Counts 0, 1 ... N - 1, and again; whether it is at its end is a register (hls/hwmap/streaming/count.hpp).
module count #(parameter N = 4) (
    input clk, input reset, input next, output [BITS-1:0] at, output last
);
  localparam BITS = N > 2 ? $clog2(N) : 1;
  generate
    if (N == 1) begin : one
      assign at = 0;
      assign last = 1;
    end else begin : more
      reg [BITS-1:0] value;
      reg flag;
      always @(posedge clk)
        if (reset) begin
          value <= 0; flag <= 0;
        end else if (next) begin
          value <= flag ? 0 : value + 1'd1;
          flag <= value == N - 2;
        end
      assign at = value;
      assign last = flag;
    end
  endgenerate
endmodule

// 0, STEP, 2 STEP ... up to MOST, beside a count.
module offset #(parameter STEP = 1, parameter MOST = 4) (
    input clk, input reset, input next, input last, output [BITS-1:0] at
);
  localparam BITS = MOST > 1 ? $clog2(MOST + 1) : 1;
  generate
    if (MOST == 0) begin : none
      assign at = 0;
    end else begin : some
      reg [BITS-1:0] value;
      always @(posedge clk) if (reset || (next && last)) value <= 0; else if (next) value <= value + STEP;
      assign at = value;
    end
  endgenerate
endmodule

// EVENTS trips out of TRIPS.
module pace #(parameter EVENTS = 3, parameter TRIPS = 5) (
    input clk, input reset, input next, output happens
);
  generate
    if (EVENTS == TRIPS) begin : always_
      assign happens = 1;
    end else begin : some
      localparam BITS = $clog2(TRIPS + 1) + 1;
      reg signed [BITS-1:0] left;
      assign happens = !left[BITS-1];
      always @(posedge clk)
        if (reset) left <= EVENTS - TRIPS;
        else if (next) left <= left + (happens ? EVENTS - TRIPS : EVENTS);
    end
  endgenerate
endmodule

// What drives a kernel with windows (hls/hwmap/streaming/window.hpp, matrix.hpp): the trips of images,
// two paces, where words go, the loops of windows, the addresses of the row memory, what lies in the
// padding, and the words of weights and of channels.
module window #(
    parameter WORDS = 256, parameter COMPUTING = 2304, parameter LEAD = 100, parameter DRAIN = 4,
    parameter GROUP_WORDS = 4, parameter TAP_COLUMNS = 3, parameter KERNEL_ROWS = 3, parameter PASSES = 2,
    parameter GROUPS = 1, parameter ACROSS = 16, parameter ROWS = 16, parameter BANKS = 1,
    parameter PIXELS = 1, parameter TAPS = 1, parameter STRIDE = 1,
    parameter MEMORY_WORDS = 140, parameter ROW_WORDS = 64, parameter HEIGHT = 16, parameter WIDTH = 16,
    parameter PAD = 1
) (
    input clk, input start, input [31:0] images, input can_read, input can_write,
    output takes, output reg writes, output [A-1:0] store, output reg [A*BANKS-1:0] address,
    output reg [B-1:0] bank, output reg [PIXELS*TAPS-1:0] inside, output reg begins, output reg ends,
    output [15:0] weight, output [15:0] channel, output reg done, output draining_
);
  localparam TRIPS = WORDS > COMPUTING ? WORDS : COMPUTING;
  localparam A = MEMORY_WORDS > 2 ? $clog2(MEMORY_WORDS) : 1;
  localparam B = BANKS > 2 ? $clog2(BANKS) : 1;
  localparam PIXEL_WORDS = GROUP_WORDS * GROUPS;
  localparam T = PASSES * GROUPS;
  reg arriving, computing_on, draining;
  reg [31:0] left;
  wire moves = !done && (!takes || can_read) && (!(draining && part_last) || can_write);
  // Trips and images.
  wire trip_last, lead_last, tail_last, image_ends = moves && arriving && trip_last;
  wire [31:0] unused0, unused1, unused2;
  count #(TRIPS) trip (clk, start, moves && arriving, unused0, trip_last);
  count #(LEAD + 1) lead (clk, start, moves && !computing_on && arriving, unused1, lead_last);
  count #(LEAD + DRAIN + 1) tail (clk, start, moves && !arriving, unused2, tail_last);
  always @(posedge clk)
    if (start) begin
      left <= images; arriving <= 1; done <= 0; computing_on <= 0;
    end else begin
      if (image_ends) begin
        left <= left - 1; arriving <= left != 1;
      end
      if (moves && lead_last) computing_on <= 1;
      if (moves && !arriving && tail_last) done <= 1;
    end
  wire arrives, computes_;
  pace #(WORDS, TRIPS) arriving_pace (clk, start, moves, arrives);
  pace #(COMPUTING, TRIPS) computing_pace (clk, start, moves && computing_on, computes_);
  assign takes = arriving && arrives;
  wire computes = moves && computing_on && computes_;
  wire unused3;
  count #(MEMORY_WORDS) arrival (clk, start, moves && takes, store, unused3);
  // Loops.
  wire word_last, column_last, row_last, pass_last, group_last, across_last, rows_last;
  wire [15:0] word_at;
  wire [31:0] u4, u5, u6, u7, u8, u9;
  wire words_end = computes && word_last, columns_end = words_end && column_last;
  wire rows_end = columns_end && row_last, passes_end = rows_end && pass_last;
  wire pixels_end = passes_end && group_last, across_end = pixels_end && across_last;
  count #(GROUP_WORDS) word (clk, start, computes, word_at, word_last);
  count #(TAP_COLUMNS) column (clk, start, words_end, u4, column_last);
  count #(KERNEL_ROWS) row (clk, start, columns_end, u5, row_last);
  count #(PASSES) pass (clk, start, rows_end, u6, pass_last);
  count #(GROUPS) group (clk, start, passes_end, u7, group_last);
  count #(ACROSS) across (clk, start, pixels_end, u8, across_last);
  count #(ROWS) rows (clk, start, across_end, u9, rows_last);
  wire [7:0] tap_left, tap_top;
  wire [15:0] tap_words, group_words;
  offset #(TAPS, (TAP_COLUMNS - 1) * TAPS) o0 (clk, start, words_end, column_last, tap_left);
  offset #(1, KERNEL_ROWS - 1) o1 (clk, start, columns_end, row_last, tap_top);
  offset #(ROW_WORDS, (KERNEL_ROWS - 1) * ROW_WORDS) o2 (clk, start, columns_end, row_last, tap_words);
  offset #(GROUP_WORDS, (GROUPS - 1) * GROUP_WORDS) o3 (clk, start, passes_end, group_last, group_words);
  // The corner of the window.
  localparam ALONG = PIXELS * STRIDE;
  localparam BANK_STEP = ALONG % BANKS;
  localparam STEP = (ALONG / BANKS) * PIXEL_WORDS % MEMORY_WORDS;
  localparam STEP_CARRIED = (ALONG / BANKS + 1) * PIXEL_WORDS % MEMORY_WORDS;
  localparam STEP_ROW = (STRIDE * ROW_WORDS + 7) % MEMORY_WORDS;
  localparam STEP_IMAGE = (PAD + 1) * (ROW_WORDS + 5) % MEMORY_WORDS;
  reg [A-1:0] base;
  reg [B-1:0] corner_bank;
  wire carries = BANK_STEP != 0 && corner_bank + BANK_STEP >= BANKS;
  wire [A:0] moved = base + (across_last ? (rows_last ? STEP_IMAGE : STEP_ROW) : carries ? STEP_CARRIED : STEP);
  localparam X = $clog2(WIDTH + 2 * PAD + ALONG) + 1;
  localparam Y = $clog2(HEIGHT + 2 * PAD + STRIDE) + 1;
  reg signed [X-1:0] left_;
  reg signed [Y-1:0] top;
  always @(posedge clk)
    if (start) begin
      base <= 3; corner_bank <= BANKS > 1 ? BANKS - 1 : 0; left_ <= -PAD; top <= -PAD;
    end else if (pixels_end) begin
      base <= moved >= MEMORY_WORDS ? moved - MEMORY_WORDS : moved;
      if (BANKS > 1) corner_bank <= across_last ? BANKS - 1 : carries ? corner_bank + BANK_STEP - BANKS : corner_bank + BANK_STEP;
      left_ <= across_last ? -PAD : left_ + ALONG;
      if (across_last) top <= rows_last ? -PAD : top + STRIDE;
    end
  // Addresses.
  wire [7:0] columns = corner_bank + tap_left;
  wire [B-1:0] bank_here = BANKS > 1 ? columns % BANKS : 0;
  wire [7:0] words = columns / BANKS;
  reg [A-1:0] offset1, base1;
  reg [7:0] words1;
  reg [B-1:0] bank1;
  reg signed [X-1:0] x1;
  reg signed [Y-1:0] y1;
  reg begins1, ends1;
  genvar g;
  generate
    for (g = 0; g < BANKS; g = g + 1) begin : banks
      wire [7:0] farther = words1 + (g < bank1);
      wire [A:0] sum = base1 + offset1 + (BANKS > 1 || TAP_COLUMNS > 1 ? farther * PIXEL_WORDS : 0);
      always @(posedge clk) address[A*g +: A] <= sum >= MEMORY_WORDS ? sum - MEMORY_WORDS : sum;
    end
    for (g = 0; g < PIXELS * TAPS; g = g + 1) begin : columns_
      wire signed [X-1:0] x = x1 + (g / TAPS) * STRIDE + g % TAPS;
      always @(posedge clk) inside[g] <= PAD == 0 || (x >= 0 && x < WIDTH && y1 >= 0 && y1 < HEIGHT);
    end
  endgenerate
  always @(posedge clk) begin
    offset1 <= tap_words + group_words + word_at; base1 <= base; words1 <= words; bank1 <= bank_here;
    x1 <= left_ + tap_left; y1 <= top + tap_top; bank <= bank1;
    begins1 <= computes && word_at == 0 && tap_left == 0 && tap_top == 0; begins <= begins1;
    ends1 <= rows_end; ends <= ends1;
  end
  // Weights, and the results that leave.
  wire u10, u11, part_last;
  wire [31:0] u12;
  count #(PASSES * GROUPS * KERNEL_ROWS * TAP_COLUMNS * GROUP_WORDS) weights (clk, start, computes, weight, u10);
  count #(PASSES * GROUPS * DRAIN) channels (clk, start, moves && draining, channel, u11);
  count #(DRAIN) parts (clk, start, moves && draining, u12, part_last);
  always @(posedge clk)
    if (start) begin
      draining <= 0; writes <= 0;
    end else begin
      writes <= moves && draining && part_last;
      if (ends) draining <= 1;
      else if (moves && part_last) draining <= 0;
    end
  assign draining_ = draining;
endmodule

// What a kernel keeps of the chain of weights (hls/hwmap/streaming/chain.hpp): nine numbers, WORDS words
// of a memory WIDTH bytes wide, CHANNEL_WORDS of constants; the rest goes on.
module loader #(parameter WORDS = 72, parameter WIDTH = 32, parameter CHANNEL_WORDS = 8, parameter RESULTS = 1) (
    input clk, input start, input valid, input ready, input [31:0] d, output reg [31:0] q, output reg pass,
    output reg [8*WIDTH-1:0] word, output reg store, output reg [W-1:0] address,
    output reg [56*RESULTS-1:0] constants, output reg store_channel, output reg [C-1:0] channel,
    output reg [287:0] numbers
);
  localparam W = WORDS > 2 ? $clog2(WORDS) : 1;
  localparam C = CHANNEL_WORDS > 2 ? $clog2(CHANNEL_WORDS) : 1;
  localparam PARTS = (WIDTH + 3) / 4;
  localparam CPARTS = (7 * RESULTS + 3) / 4;
  reg [1:0] phase;
  wire moves = valid && ready;
  wire n_last, p_last, w_last, cp_last, c_last;
  wire [31:0] u0, u1, u2;
  wire [W-1:0] at;
  wire [C-1:0] cat;
  count #(9) n (clk, start, moves && phase == 0, u0, n_last);
  count #(PARTS) p (clk, start, moves && phase == 1, u1, p_last);
  count #(WORDS) w (clk, start, moves && phase == 1 && p_last, at, w_last);
  count #(CPARTS) cp (clk, start, moves && phase == 2, u2, cp_last);
  count #(CHANNEL_WORDS) c (clk, start, moves && phase == 2 && cp_last, cat, c_last);
  always @(posedge clk) begin
    q <= d; pass <= moves && phase == 3;
    store <= moves && phase == 1 && p_last; address <= at;
    store_channel <= moves && phase == 2 && cp_last; channel <= cat;
    if (moves && phase == 0) numbers <= {numbers, d};
    if (moves && phase == 1) word <= {d, word} >> (PARTS > 1 ? 32 : 32);
    if (moves && phase == 2) constants <= {d, constants} >> 32;
    if (start) phase <= 0;
    else if (moves && (phase == 0 ? n_last : phase == 1 ? p_last && w_last : phase == 2 ? cp_last && c_last : 0)) phase <= phase + 1;
  end
endmodule

// VALUES words of LANES bytes from BANKS, turned by the bank of the first: by powers of two.
module rotate #(parameter BANKS = 3, parameter LANES = 8, parameter VALUES = 3, parameter PADDED = 1, parameter STRIDE = 1) (
    input clk, input [8*LANES*BANKS-1:0] read, input [$clog2(BANKS+1)-1:0] bank, input [VALUES-1:0] inside,
    input [7:0] outside, output reg [8*LANES*VALUES-1:0] values
);
  localparam STAGES = BANKS > 1 ? $clog2(BANKS) : 0;
  localparam W = 8 * LANES;
  wire [W*BANKS-1:0] turned [0:STAGES];
  assign turned[STAGES] = read;
  genvar s, b;
  generate
    for (s = 0; s < STAGES; s = s + 1) begin : stages
      for (b = 0; b < BANKS; b = b + 1) begin : banks
        assign turned[s][W*b +: W] = bank[STAGES-1-s] ? turned[s+1][W*((b + (1 << (STAGES-1-s))) % BANKS) +: W] : turned[s+1][W*b +: W];
      end
    end
  endgenerate
  wire [W*BANKS-1:0] straight;
  wire [VALUES-1:0] padded;
  // Padding fits into the LUT of one stage, not of two.
  generate
    if (STAGES == 2 && PADDED) begin : later
      delay #(.BITS(W * BANKS), .CYCLES(1)) d (clk, turned[0], straight);
      delay #(.BITS(VALUES), .CYCLES(1)) i (clk, inside, padded);
    end else begin : at_once
      assign straight = turned[0];
      assign padded = inside;
    end
  endgenerate
  integer v;
  always @(posedge clk)
    for (v = 0; v < VALUES; v = v + 1)
      values[W*v +: W] <= !PADDED || padded[v] ? straight[W*((v * STRIDE) % BANKS) +: W] : {LANES{outside}};
endmodule

// A gearbox from IN to OUT units of UNIT lanes; UNITS are those of a group of pixels.
module gearbox #(parameter IN = 2, parameter OUT = 3, parameter UNIT = 4, parameter UNITS = 12, parameter PIXELS = 1) (
    input clk, input start, input can_read, input can_write, output takes, output gives,
    input [8*UNIT*IN*PIXELS-1:0] d, output reg [8*UNIT*OUT*PIXELS-1:0] q, input [31:0] images
);
  localparam HELD = IN + OUT;
  localparam H = $clog2(HELD + 1);
  localparam U = $clog2(UNITS + 1);
  reg [8*UNIT*HELD*PIXELS-1:0] held, after;
  reg [H-1:0] count;
  reg [U-1:0] left;
  reg [31:0] trips;
  wire [U-1:0] wanted = left < OUT ? left : OUT;
  assign takes = count < wanted;
  wire moves = trips != 0 && (!takes || can_read);
  wire [H-1:0] have = takes ? count + IN : count;
  assign gives = moves && have >= wanted && can_write;
  integer p, u, i;
  always @* begin
    after = held;
    if (takes)
      for (p = 0; p < PIXELS; p = p + 1)
        for (u = 0; u < HELD; u = u + 1)
          for (i = 0; i < IN; i = i + 1)
            if (u == (IN % OUT == 0 ? 0 : count) + i) after[8*UNIT*(p*HELD+u) +: 8*UNIT] = d[8*UNIT*(p*IN+i) +: 8*UNIT];
  end
  wire ends = left <= OUT;
  always @(posedge clk)
    if (start) begin
      count <= 0; left <= UNITS; trips <= images;
    end else if (moves) begin
      trips <= trips - 1;
      for (p = 0; p < PIXELS; p = p + 1) begin
        q[8*UNIT*OUT*p +: 8*UNIT*OUT] <= after[8*UNIT*HELD*p +: 8*UNIT*OUT];
        if (gives) held[8*UNIT*HELD*p +: 8*UNIT*HELD] <= after[8*UNIT*HELD*p +: 8*UNIT*HELD] >> (8*UNIT*OUT);
        else held[8*UNIT*HELD*p +: 8*UNIT*HELD] <= after[8*UNIT*HELD*p +: 8*UNIT*HELD];
      end
      count <= gives ? (ends ? 0 : have - OUT) : have;
      left <= gives ? (ends ? UNITS : left - OUT) : left;
    end
endmodule

// A requantizer whose constants come from one memory: that of an engine, without a selection.
module channel_requantizer #(parameter SUM_BITS = 24, parameter MOST_SHIFT = 24) (
    input clk, input signed [SUM_BITS-1:0] sum, bias, input [16:0] multiplier, input [5:0] shift,
    input signed [7:0] zero_point, low, high, output [7:0] level
);
  requantizer #(SUM_BITS, MOST_SHIFT) r (clk, sum, bias, {SUM_BITS{1'b0}}, multiplier, 17'b0, shift, 6'b0, 1'b1, zero_point, low, high, level);
endmodule

// A requantizer of scales that are powers of two.
module shifter #(parameter SUM_BITS = 24, parameter MOST_SHIFT = 24) (
    input clk, input signed [SUM_BITS-1:0] sum, bias, input [5:0] shift,
    input signed [7:0] zero_point, low, high, output reg signed [7:0] level
);
  localparam HALVES = SUM_BITS + 1, S = $clog2(MOST_SHIFT + 1);
  reg signed [SUM_BITS-1:0] s1;
  reg [5:0] p1;
  wire signed [HALVES-1:0] halves = {s1, 1'b0};
  wire [HALVES+MOST_SHIFT-1:0] behind = ~({(HALVES+MOST_SHIFT){1'b1}} << p1[S-1:0]);
  wire [HALVES-1:0] above = halves ^ {HALVES{s1[SUM_BITS-1]}};
  reg signed [10:0] inside, kept, rounded;
  reg lost, lost3, fits, negative;
  wire signed [10:0] floor = kept >>> 1;
  wire up = kept[0] && (lost3 || kept[1]);
  always @(posedge clk) begin
    s1 <= sum + bias; p1 <= shift;
    inside <= halves >>> p1[S-1:0];
    lost <= |(halves & behind[HALVES-1:0]);
    fits <= ~|(above & ~((behind[HALVES-1:0] << 10) | 1023));
    negative <= s1[SUM_BITS-1];
    kept <= fits ? inside : negative ? -1024 : 1023;
    lost3 <= lost;
    rounded <= floor + up + zero_point;
    level <= rounded < low ? low : rounded > high ? high : rounded[7:0];
  end
endmodule

// The sum of two values, each negated or not and shifted by so many places.
module shifted_sum #(parameter PLACES = 13) (
    input clk, input signed [7:0] a, b, input [5:0] shift_a, shift_b, input minus_a, minus_b,
    input signed [PLACES+8:0] bias, output reg signed [PLACES+8:0] sum
);
  localparam S = $clog2(PLACES + 1);
  reg signed [8:0] a1, b1;
  reg [5:0] p1, q1;
  reg signed [PLACES+8:0] a2, b2, one;
  always @(posedge clk) begin
    a1 <= minus_a ? -a : a; b1 <= minus_b ? -b : b; p1 <= shift_a; q1 <= shift_b;
    a2 <= a1 <<< p1[S-1:0]; b2 <= b1 <<< q1[S-1:0];
    one <= a2 + b2;
    sum <= one + bias;
  end
endmodule
