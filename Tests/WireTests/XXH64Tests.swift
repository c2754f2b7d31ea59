import Testing
import Wire

// Goal: the hash is XXH64 and nothing else, since another implementation must be able to follow.
// Method: vectors that the xxHash project publishes (its sanity check), over its own test buffer.
// A failure means: no header of ours fits a correct peer's, though both our ends agree.

private let prime32: UInt64 = 2_654_435_761

/// The buffer of xxHash's sanity check.
private func sanityBuffer(_ count: Int) -> [UInt8] {
  var state = prime32
  return (0..<count).map { _ in
    defer { state &*= 11_400_714_785_074_694_797 }
    return UInt8(state >> 56)
  }
}

@Test(
  arguments: [
    (0, 0, 0xEF46_DB37_51D8_E999), (0, prime32, 0xAC75_FDA2_929B_17EF),
    (1, 0, 0xE934_A84A_DB05_2768), (1, prime32, 0x5014_6076_43A9_B4C3),
    (4, 0, 0x9136_A0DC_A574_57EE), (4, prime32, 0xCAAB_286B_D8E9_FDB5),
    (14, 0, 0x8282_DCC4_994E_35C8), (14, prime32, 0xC3BD_6BF6_3DEB_6DF0),
    (31, 0, 0x299B_39A2_90E6_D783), (32, 0, 0x18B2_1649_2BB4_4B70),
    (33, 0, 0x55C8_DC3E_578F_5B59),
    (222, 0, 0xB641_AE8C_B691_C174), (222, prime32, 0x20CB_8AB7_AE10_C14A),
  ] as [(Int, UInt64, UInt64)]
)
func `XXH64 fits the published vectors`(byteCount: Int, seed: UInt64, expected: UInt64) {
  #expect(xxh64(sanityBuffer(byteCount), seed: seed) == expected)
}

@Test func `a hash depends only on the bytes it is given, not on what lies around them`() {
  let buffer = sanityBuffer(222)
  for start in 0..<16 {
    for end in stride(from: start, to: 222, by: 7) {
      let within = XXH64.hash(buffer.span.extracting(start..<end), seed: 9)
      #expect(within == xxh64(Array(buffer[start..<end]), seed: 9))
    }
  }
}
