import Testing
import Wire

// Goal: the digest is the same for the same frames in any order, and another one for any others.
// Method: values from another implementation, shuffled frames, one change at a time.
// A failure means: a good transfer is called a mismatch, or a bad one is not.

private struct Piece: Equatable {
  var offset: UInt64
  var length: UInt64
  var checksum: UInt64
}

private func digest(_ pieces: [Piece]) -> UInt64 {
  var digest = StreamDigest()
  for piece in pieces {
    digest.add(offset: piece.offset, length: piece.length, checksum: piece.checksum)
  }
  return digest.value
}

private func randomPieces(_ random: inout SplitMix64) -> [Piece] {
  var offset: UInt64 = 0
  return (0..<50).map { _ in
    let length = UInt64.random(in: 1...65_536, using: &random)
    defer { offset += length }
    return Piece(offset: offset, length: length, checksum: random.next())
  }
}

@Test func `digests have the values that the protocol says`() {
  #expect(StreamDigest().value == 0)
  #expect(digest([Piece(offset: 0, length: 1, checksum: 0)]) == 0x6863_65E4_0B07_316E)
  let piece = Piece(offset: 4096, length: 4096, checksum: 0x1122_3344_5566_7788)
  #expect(digest([piece]) == 0xE930_39A5_B59D_9AE4)
  let two = [
    Piece(offset: 0, length: 4096, checksum: 1),
    Piece(offset: 4096, length: 100, checksum: 2),
  ]
  #expect(digest(two) == 0x4653_97F0_9933_D7A0)
}

@Test func `the order of frames does not matter`() {
  var random = SplitMix64(seed: 31)
  let pieces = randomPieces(&random)
  for _ in 0..<100 { #expect(digest(pieces.shuffled(using: &random)) == digest(pieces)) }
}

@Test func `every field of every frame matters`() {
  var random = SplitMix64(seed: 32)
  let pieces = randomPieces(&random)
  let expected = digest(pieces)
  for index in pieces.indices {
    for field in [\Piece.offset, \Piece.length, \Piece.checksum] {
      for bit in 0..<64 as Range<UInt64> {
        var changed = pieces
        changed[index][keyPath: field] ^= 1 << bit
        #expect(digest(changed) != expected)
      }
    }
  }
}

@Test func `a frame that is missing or counted twice is noticed`() {
  var random = SplitMix64(seed: 33)
  let pieces = randomPieces(&random)
  for index in pieces.indices {
    var fewer = pieces
    fewer.remove(at: index)
    #expect(digest(fewer) != digest(pieces))
    #expect(digest(pieces + [pieces[index]]) != digest(pieces))
  }
}

@Test func `contents that changed places are noticed`() {
  var random = SplitMix64(seed: 34)
  let pieces = randomPieces(&random)
  for field in [\Piece.checksum, \Piece.offset] {
    var swapped = pieces
    swapped[3][keyPath: field] = pieces[4][keyPath: field]
    swapped[4][keyPath: field] = pieces[3][keyPath: field]
    #expect(digest(swapped) != digest(pieces))
  }
}
