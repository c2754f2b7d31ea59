import Testing
import Wire

@testable import Transfer

/// What `ReceiveStream` has to do, in the plainest words: frames by number, no slots, no window.
private struct NaiveReceiver {
  var arrived: Set<UInt64> = []
  var written: UInt64 = 0

  mutating func receive(_ number: UInt64) -> Bool {
    guard number >= written, !arrived.contains(number) else { return false }
    arrived.insert(number)
    return true
  }
}

@Suite struct ReceiveStreamTests {
  private let geometry = Geometry(frameByteCount: 4096, memoryByteCount: 8 * 8192)

  private func header(_ number: UInt64, length: UInt32 = 100) -> FrameHeader {
    FrameHeader(.data, length: length, offset: number &* 100, number: number, value: number &* 7)
  }

  /// Begins to write a frame that is no hole.
  private func begin(_ stream: inout ReceiveStream) -> (number: UInt64, piece: Piece)? {
    guard case .success((let number, .piece(let piece))?) = stream.beginWriting() else {
      return nil
    }
    return (number, piece)
  }

  /// A seeded source, so that a failure comes again.
  private struct Source: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return XXH64.hash([UInt8(truncatingIfNeeded: state >> 33)].span, seed: state)
    }
  }

  @Test(arguments: 1...60)
  func `it agrees with a naive model, whatever the order, losses and doubles`(seed: Int) throws {
    var random = Source(state: UInt64(seed))
    var stream = ReceiveStream(geometry: geometry)
    var naive = NaiveReceiver()
    var inFlight: [(FrameHeader, SlotID)] = []
    let frameCount: UInt64 = 60
    for _ in 0..<20_000 where stream.nextNumber < frameCount {
      switch random.next() % 4 {
      case 0, 1:
        let number = stream.nextNumber + random.next() % UInt64(stream.windowFrameCount + 2)
        guard number < frameCount else { continue }
        switch stream.admit(header(number)) {
        case .into(let slot): inFlight.append((header(number), slot))
        case .duplicate:
          #expect(number < naive.written || naive.arrived.contains(number))
        case .wait:
          let loose = inFlight.count
          #expect(loose + naive.arrived.count + 2 >= geometry.slotCount || number != naive.written)
        case .violation: #expect(number >= stream.windowLimit)
        }
      case 2:
        guard !inFlight.isEmpty else { continue }
        let (header, slot) = inFlight.remove(at: Int(random.next() % UInt64(inFlight.count)))
        if random.next() % 5 == 0 {
          stream.didAbandon(slot)
        } else {
          #expect(stream.didReceive(header, in: slot) == naive.receive(header.number))
        }
      default:
        guard case .success(.bytes(_, let range)?) = stream.rangeToWrite() else {
          #expect(!naive.arrived.contains(naive.written))
          continue
        }
        let part = Int(random.next() % UInt64(range.count)) + 1
        if stream.didWrite(byteCount: part) == .success(true) {
          naive.arrived.remove(naive.written)
          naive.written += 1
        }
      }
      #expect(stream.nextNumber == naive.written)
      #expect(stream.brokenInvariant(loose: inFlight.count) == nil)
    }
    #expect(stream.nextNumber == frameCount)
    #expect(stream.writtenOffset == frameCount * 100)
  }

  @Test(arguments: 1...60)
  func `written at offsets, it agrees with the naive model as well`(seed: Int) throws {
    var random = Source(state: UInt64(seed) &* 977)
    var stream = ReceiveStream(geometry: geometry, isPositional: true, writeBehindByteCount: 500)
    var writes: [(number: UInt64, piece: Piece)] = []
    var bytes = [Int](repeating: 0, count: 6000)
    var isFlushing = false
    for _ in 0..<20_000 where stream.nextNumber < 60 {
      let number = stream.nextNumber + random.next() % UInt64(stream.windowFrameCount)
      if random.next() % 2 == 0, number < 60, case .into(let slot) = stream.admit(header(number)) {
        #expect(stream.didReceive(header(number), in: slot) == true)
      }
      if stream.mayWrite, let write = begin(&stream) { writes.append(write) }
      if random.next() % 3 > 0, !writes.isEmpty {
        let (number, piece) = writes.remove(at: Int(random.next() % UInt64(writes.count)))
        let count = 1 + Int(random.next() % UInt64(piece.range.count))
        for place in 0..<count { bytes[Int(piece.offset) + place] += 1 }
        if case .success(.piece(let rest)?) = stream.didWrite(number, byteCount: count) {
          writes.append((number, rest))
        }
      }
      #expect(writes.count <= Limits.writesInFlight)
      if stream.isFlushDue {
        stream.beginFlush()
        isFlushing = true
      } else if isFlushing, random.next() % 4 == 0 {
        stream.didFlush()
        isFlushing = false
      }
      #expect(bytes[..<Int(stream.writtenOffset)].allSatisfy { $0 == 1 })
      #expect(stream.brokenInvariant(loose: 0) == nil)
    }
    #expect(stream.nextNumber == 60)
    #expect(bytes.allSatisfy { $0 == 1 })
    #expect(stream.usedSlotCount == 0)
  }

  @Test func `written at offsets, frames that cannot belong there, or overlap, are a mismatch`() {
    for offset in [0, UInt64.max - 5, UInt64(Int64.max)] {
      var stream = ReceiveStream(geometry: geometry, isPositional: true)
      let wrong = FrameHeader(.data, length: 10, offset: offset, number: 1)
      guard case .into(let slot) = stream.admit(wrong) else { continue }
      #expect(stream.didReceive(wrong, in: slot) == true)
      guard case .failure = stream.beginWriting() else {
        Issue.record("it is written at \(offset)")
        continue
      }
    }
    var stream = ReceiveStream(geometry: geometry, isPositional: true)
    for header in [FrameHeader(.data, length: 10, offset: 99, number: 1), header(0)] {
      guard case .into(let slot) = stream.admit(header) else { continue }
      #expect(stream.didReceive(header, in: slot) == true)
      guard let write = begin(&stream) else { continue }
      let result = stream.didWrite(write.number, byteCount: write.piece.range.count)
      if case .failure = result { return }
    }
    Issue.record("frames that overlap are taken for good")
  }

  @Test func `what was written at offsets waits for the disk before it becomes too much`() {
    var stream = ReceiveStream(geometry: geometry, isPositional: true, writeBehindByteCount: 100)
    for number in 0..<2 as Range<UInt64> {
      guard case .into(let slot) = stream.admit(header(number)) else { continue }
      #expect(stream.didReceive(header(number), in: slot) == true)
      #expect(stream.mayWrite)
      guard let write = begin(&stream) else { continue }
      _ = stream.didWrite(write.number, byteCount: 100)
      if stream.isFlushDue { stream.beginFlush() }
    }
    #expect(!stream.mayWrite)
    #expect(!stream.isFlushDue)
    stream.didFlush()
    #expect(stream.mayWrite)
    #expect(stream.isFlushDue)
  }

  @Test func `holes need no slot and are written as zeros, bounded at a time, in order`() {
    var stream = ReceiveStream(geometry: geometry)
    let span = UInt64(Limits.zerosByteCount) + 5
    let hole = FrameHeader(.hole, offset: 0, number: 0, value: span)
    #expect(stream.admitHole(hole) == .taken)
    #expect(stream.admitHole(hole) == .duplicate)
    #expect(stream.usedSlotCount == 0)
    #expect(stream.rangeToWrite() == .success(.zeros(Limits.zerosByteCount)))
    #expect(stream.didWrite(byteCount: 7) == .success(false))
    #expect(stream.rangeToWrite() == .success(.zeros(Limits.zerosByteCount - 2)))
    #expect(stream.didWrite(byteCount: Limits.zerosByteCount - 2) == .success(true))
    #expect(stream.writtenOffset == span)
    #expect(stream.admitHole(hole) == .duplicate)
    #expect(stream.brokenInvariant(loose: 0) == nil)
  }

  @Test(arguments: SparseMode.allCases, [FrameHeader.Zeros.hole, .allocated])
  func `at offsets holes are cleared in parts, with or without space`(
    mode: SparseMode,
    zeros: FrameHeader.Zeros
  ) {
    var stream = ReceiveStream(geometry: geometry, isPositional: true, sparse: mode)
    let span = Limits.clearByteCount + 4096
    let hole = FrameHeader(.hole, offset: 100, number: 1, value: span, detail: zeros.rawValue)
    #expect(stream.admitHole(hole) == .taken)
    guard case .success((1, let change)?) = stream.beginWriting() else {
      Issue.record("the hole is not written")
      return
    }
    let isAllocated = mode == .never || mode == .auto && zeros == .allocated
    #expect(
      change
        == .clear(offset: 100, byteCount: Limits.clearByteCount, isAllocated: isAllocated)
    )
    let rest = stream.didWrite(1, byteCount: Int(Limits.clearByteCount))
    let offset = 100 + Limits.clearByteCount
    #expect(rest == .success(.clear(offset: offset, byteCount: 4096, isAllocated: isAllocated)))
    #expect(stream.didWrite(1, byteCount: 4096) == .success(nil))
    // A terabyte of holes fills no page cache.
    #expect(!stream.isFlushDue)
  }

  @Test func `holes that no honest sender would send are violations`() {
    let limit = ReceiveStream(geometry: geometry).windowLimit
    let far = Limits.holeByteCount
    for bad in [
      FrameHeader(.hole, value: 0), FrameHeader(.hole, value: far + 1),
      FrameHeader(.hole, number: limit, value: 1), FrameHeader(.hole, value: 1, detail: 2),
    ] {
      var stream = ReceiveStream(geometry: geometry)
      guard case .violation = stream.admitHole(bad) else {
        Issue.record("\(bad) was let in")
        continue
      }
    }
    var stream = ReceiveStream(geometry: geometry)
    #expect(stream.didReceiveEnd(FrameHeader(.end, offset: 200, number: 2, value: 1)) == nil)
    for bad in [
      FrameHeader(.hole, offset: 100, number: 1, value: 101),
      FrameHeader(.hole, offset: .max, number: 1, value: 2),
    ] {
      guard case .violation = stream.admitHole(bad) else {
        Issue.record("\(bad) was let in after the end")
        continue
      }
    }
  }

  @Test func `the lowest missing frame gets a slot when no other does`() {
    var stream = ReceiveStream(geometry: geometry)
    var takenCount = 0
    // Copies of one frame on many connections, none of them whole yet.
    while case .into = stream.admit(header(5)), takenCount < geometry.slotCount { takenCount += 1 }
    #expect(takenCount == geometry.slotCount - Limits.slotsKeptBack)
    for _ in 0..<Limits.slotsKeptBack {
      guard case .into = stream.admit(header(0)) else {
        Issue.record("the lowest missing frame has to wait")
        return
      }
    }
    #expect(stream.admit(header(0)) == .wait)
    #expect(stream.brokenInvariant(loose: geometry.slotCount) == nil)
  }

  @Test func `nothing beyond the window, the frame size or the end gets a slot`() {
    var stream = ReceiveStream(geometry: geometry)
    let limit = stream.windowLimit
    for bad in [header(limit), header(.max), header(0, length: 4097)] {
      guard case .violation = stream.admit(bad) else {
        Issue.record("\(bad) was let in")
        continue
      }
    }
    #expect(stream.didReceiveEnd(FrameHeader(.end, offset: 200, number: 2, value: 1)) == nil)
    for bad in [header(2), header(1, length: 101), FrameHeader(.data, length: 2, offset: .max)] {
      guard case .violation = stream.admit(bad) else {
        Issue.record("\(bad) was let in after the end")
        continue
      }
    }
    #expect(stream.usedSlotCount == 0)
  }

  @Test func `a second end must be the first`() {
    var stream = ReceiveStream(geometry: geometry)
    let end = FrameHeader(.end, offset: 200, number: 2, value: 1)
    #expect(stream.didReceiveEnd(end) == nil)
    #expect(stream.didReceiveEnd(end) == nil)
    #expect(stream.didReceiveEnd(FrameHeader(.end, offset: 200, number: 2, value: 2)) != nil)
    var other = ReceiveStream(geometry: geometry)
    #expect(other.didReceiveEnd(FrameHeader(.end, offset: 5, number: 0)) != nil)
    #expect(other.didReceiveEnd(FrameHeader(.end, offset: 0, number: 5)) != nil)
  }

  @Test func `an end of more frames than bytes is refused, not waited for`() {
    for (frames, isGood) in [(1, true), (2, true), (3, false), (.max, false)] as [(UInt64, Bool)] {
      var stream = ReceiveStream(geometry: geometry)
      guard case .into(let slot) = stream.admit(header(0)) else { return }
      #expect(stream.didReceive(header(0), in: slot) == true)
      _ = stream.rangeToWrite()
      _ = stream.didWrite(byteCount: 100)
      let sentence = stream.didReceiveEnd(FrameHeader(.end, offset: 101, number: frames))
      #expect((sentence == nil) == isGood, "\(frames) frames")
    }
  }

  @Test(arguments: [false, true])
  func `what too many frames would be made of is seen when it is written`(isPositional: Bool) {
    var stream = ReceiveStream(geometry: geometry, isPositional: isPositional)
    guard case .into(let slot) = stream.admit(header(0)) else { return }
    #expect(stream.didReceive(header(0), in: slot) == true)
    // As long as the first frame is not known to have taken it all, there may be as many.
    #expect(stream.didReceiveEnd(FrameHeader(.end, offset: 101, number: 3)) == nil)
    let isRefused: Bool
    if isPositional {
      _ = stream.beginWriting()
      isRefused = (try? stream.didWrite(0, byteCount: 100).get()) == nil
    } else {
      _ = stream.rangeToWrite()
      isRefused = (try? stream.didWrite(byteCount: 100).get()) == nil
    }
    #expect(isRefused)
  }

  @Test func `offsets that contradict the numbers are a mismatch`() {
    var stream = ReceiveStream(geometry: geometry)
    let wrong = FrameHeader(.data, length: 10, offset: 1, number: 0)
    guard case .into(let slot) = stream.admit(wrong) else {
      Issue.record("no slot")
      return
    }
    #expect(stream.didReceive(wrong, in: slot) == true)
    guard case .failure = stream.rangeToWrite() else {
      Issue.record("it is written all the same")
      return
    }
  }

  @Test func `the digest of the end is compared once everything is written`() throws {
    var stream = ReceiveStream(geometry: geometry)
    var digest = StreamDigest()
    for number in [1, 0] as [UInt64] {
      guard case .into(let slot) = stream.admit(header(number)) else { continue }
      #expect(stream.didReceive(header(number), in: slot) == true)
      digest.add(offset: number * 100, length: 100, checksum: number &* 7)
    }
    while case .success(.bytes(_, let range)?) = stream.rangeToWrite() {
      _ = stream.didWrite(byteCount: range.count)
    }
    #expect(!stream.isWritten)
    var lying = stream
    #expect(
      stream.didReceiveEnd(FrameHeader(.end, offset: 200, number: 2, value: digest.value)) == nil
    )
    #expect(stream.isWritten)
    #expect(stream.mismatch == nil)
    #expect(lying.didReceiveEnd(FrameHeader(.end, offset: 200, number: 2, value: 5)) == nil)
    #expect(lying.mismatch != nil)
  }
}
