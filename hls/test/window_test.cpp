#include "hwmap/window.hpp"

#include "check.hpp"
#include "streaming_params.hpp"

namespace {

/// Follows three images through the loops: every address must be where the wanted word went, and the
/// word must have arrived.
template <typename P>
void CheckWindow() {
  hwmap::Window<P> window;
  unsigned long trip = 0;
  for (unsigned image = 0; image < 3; ++image) {
    for (int y = 0; y < static_cast<int>(P::kRowsOut); ++y) {
      for (int x = 0; x < static_cast<int>(P::kAcross); ++x) {
        for (unsigned pass = 0; pass < P::kPasses; ++pass) {
          for (unsigned step = 0; step < P::kKernelRows * P::kTapColumns * P::kGroupWords; ++step) {
            const int word = static_cast<int>(pass / P::kPassesPerGroup * P::kGroupWords +
                                              step % P::kGroupWords);
            const int tap_column = static_cast<int>(step / P::kGroupWords % P::kTapColumns);
            const int tap_row = static_cast<int>(step / P::kGroupWords / P::kTapColumns);
            const hwmap::Place<P> place = window.Here();
            CHECK(place.begins == (step == 0));
            CHECK(place.ends == (step + 1 == P::kKernelRows * P::kTapColumns * P::kGroupWords));
            const int row = y * static_cast<int>(P::kStrideRows) + tap_row -
                            static_cast<int>(P::kPadRows);
            for (unsigned pixel = 0; pixel < P::kPixels; ++pixel) {
              const int column =
                  (x * static_cast<int>(P::kPixels) + static_cast<int>(pixel)) *
                      static_cast<int>(P::kStrideColumns) +
                  tap_column - static_cast<int>(P::kPadColumns);
              const bool inside = row >= 0 && row < static_cast<int>(P::kHeight) && column >= 0 &&
                                  column < static_cast<int>(P::kWidth);
              CHECK(place.inside[pixel] == inside);
              if (!inside) continue;
              const unsigned bank = static_cast<unsigned>(column) % P::kBanks;
              CHECK((place.bank + pixel * P::kStrideColumns) % P::kBanks == bank);
              const unsigned long wanted =
                  image * P::kWords + static_cast<unsigned>(row) * P::kRowWords +
                  static_cast<unsigned>(column) / P::kBanks * P::kPixelWords +
                  static_cast<unsigned>(word);
              CHECK(place.address[bank] == wanted % P::kMemoryWords);
              // The words that have arrived before this trip: this one, and none that is over it.
              const unsigned long arrived = (trip + P::kLead) * P::kWords / P::kTrips;
              CHECK(wanted < arrived && arrived <= wanted + P::kMemoryWords);
            }
            window.Next();
            ++trip;
          }
        }
      }
    }
  }
}

}  // namespace

int main() {
  CheckWindow<PaddedWindow>();
  CheckWindow<PlainWindow>();

  std::int8_t memory[2][14][1] = {};
  hwmap::StoreWord<PaddedWindow>({{5, 6}}, 3, memory);
  CHECK(memory[0][3][0] == 5 && memory[1][3][0] == 6);
  hwmap::Place<PaddedWindow> place = {false, false, {3, 3}, 1, {true, false}};
  std::int8_t values[2];
  hwmap::ReadWindow<PaddedWindow>(memory, place, -9, values);
  CHECK(values[0] == 6 && values[1] == -9);
}
