/// Chance that always comes out the same: what a test sees does not depend on it.
struct Fours: RandomNumberGenerator {
  func next() -> UInt64 { 4 }
}
