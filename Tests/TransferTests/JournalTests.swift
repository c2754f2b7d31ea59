import Testing
import Wire

@testable import Transfer

@Suite struct JournalTests {
  private func journal(_ sequence: UInt64, _ offset: UInt64) -> Journal {
    Journal(
      source: SourceDescription(kind: .file, byteCount: 1 << 40, modified: 7, identity: 8),
      target: (3, 4),
      durableOffset: offset,
      sum: offset == 200 ? 77 : nil,
      sequence: sequence
    )
  }

  private func file(_ records: [Journal]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Journal.fileByteCount)
    for record in records {
      for (index, byte) in record.encoded.enumerated() { bytes[Int(record.place) + index] = byte }
    }
    return bytes
  }

  @Test func `the younger record counts, and the older one where that is damaged`() {
    let (older, younger) = (journal(6, 100), journal(7, 200))
    let whole = file([older, younger])
    #expect(Journal(decoding: whole.span) == younger)
    for place in 0..<112 {
      var bytes = whole
      bytes[Int(younger.place) + place] ^= 1
      #expect(Journal(decoding: bytes.span) == older)
    }
  }

  @Test func `a file of any length is read without a trap, and damage is never believed`() {
    let whole = file([journal(1, 50)])
    for count in 0...whole.count where count % 61 == 0 || count > 4000 && count < 4200 {
      let found = Journal(decoding: Array(whole[..<count]).span)
      #expect(found == nil || found == journal(1, 50))
    }
    #expect(Journal(decoding: file([]).span) == nil)
    #expect(Journal(decoding: [UInt8](repeating: 0xFF, count: 9000).span) == nil)
  }

  @Test func `a stream is never the same, and the space that a file takes does not matter`() {
    var file = SourceDescription(kind: .file, byteCount: 5, allocatedByteCount: 1, modified: 2)
    let other = file
    file.allocatedByteCount = 9
    #expect(file.isSame(as: other))
    file.modified = 3
    #expect(!file.isSame(as: other))
    let stream = SourceDescription(kind: .stream)
    #expect(!stream.isSame(as: stream))
    #expect(throws: WireError.self) {
      try SourceDescription(decoding: [UInt8](repeating: 9, count: 40).span)
    }
    #expect(throws: WireError.self) {
      try SourceDescription(decoding: [UInt8](repeating: 0, count: 39).span)
    }
    #expect(throws: Never.self) {
      let again = try SourceDescription(decoding: file.encoded.span)
      #expect(again == file)
    }
  }
}
