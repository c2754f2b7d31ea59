import Testing
import Wire

@testable import Transfer

@Suite struct SendStreamTests {
  private let geometry = Geometry(frameByteCount: 4096, memoryByteCount: 4 * 8192)
  private let start = Instant(nanoseconds: 0)

  private func stream(frames: Int, window: UInt64 = 100) -> SendStream {
    var stream = SendStream(geometry: geometry)
    stream.windowLimit = window
    for _ in 0..<frames {
      _ = stream.rangeToFill()
      _ = stream.didFill(byteCount: 4096)
      if let (slot, _) = stream.beginSeal() { _ = stream.didSeal(slot, checksum: 1) }
    }
    return stream
  }

  private func send(_ stream: inout SendStream) throws -> Connection.Carried {
    let next = stream.nextToSend(at: start)
    return try #require(next)
  }

  @Test func `frames leave in order and within the window`() throws {
    var stream = stream(frames: 4, window: 2)
    #expect(try send(&stream).number == 0)
    #expect(try send(&stream).number == 1)
    #expect(stream.nextToSend(at: start) == nil)
    stream.windowLimit = 3
    #expect(try send(&stream).number == 2)
    #expect(stream.brokenInvariant == nil)
  }

  @Test func `a slot is free when its frame is acknowledged and the kernel is done with it`() throws
  {
    var stream = stream(frames: 4)
    let carried = try send(&stream)
    #expect(stream.rangeToFill() == nil)
    stream.willStayInKernel(carried.slot)
    stream.didLeaveKernel(carried.slot)
    stream.didAcknowledge(carried)
    #expect(stream.rangeToFill() == nil)
    stream.didLeaveKernel(carried.slot)
    #expect(stream.rangeToFill()?.0 == carried.slot)
    #expect(stream.brokenInvariant == nil)
  }

  @Test func `a lost frame goes again, before new ones and beyond the window`() throws {
    var stream = stream(frames: 4, window: 2)
    let first = try send(&stream)
    _ = try send(&stream)
    stream.didLeaveKernel(first.slot)
    #expect(stream.didLose(first) == true)
    stream.windowLimit = 0
    #expect(try send(&stream).number == 0)
    #expect(stream.resentFrameCount == 1)
  }

  @Test func `a frame with another carrier is not sent again for the loss of one`() throws {
    var stream = stream(frames: 1)
    let first = try send(&stream)
    let later = start + Limits.lateAfter
    let oldest = try #require(stream.oldestOutstanding)
    #expect(oldest == first.slot)
    #expect(stream.age(ofSingle: oldest, at: start) == .zero)
    #expect(stream.age(ofSingle: oldest, at: later) == Limits.lateAfter)
    let second = stream.sendCopy(of: oldest, at: later)
    #expect(second.number == first.number)
    #expect(stream.age(ofSingle: oldest, at: later + Limits.lateAfter) == nil)
    #expect(stream.didLose(first) == false)
    stream.didAcknowledge(second)
    stream.didLeaveKernel(first.slot)
    stream.didLeaveKernel(second.slot)
    #expect(stream.usedSlotCount == 0)
  }

  @Test func `a late acknowledgement does not free the slot's next frame`() throws {
    var stream = stream(frames: 1)
    let first = try send(&stream)
    let second = stream.sendCopy(of: first.slot, at: start + Limits.lateAfter)
    stream.didLeaveKernel(first.slot)
    stream.didLeaveKernel(second.slot)
    stream.didAcknowledge(first)
    let next = stream.rangeToFill()
    let (slot, _) = try #require(next)
    #expect(slot == first.slot)
    _ = stream.didFill(byteCount: 4096)
    let seal = stream.beginSeal()
    let sealed = try #require(seal)
    _ = stream.didSeal(sealed.0, checksum: 2)
    let third = try send(&stream)
    #expect(third.slot == second.slot)
    stream.didAcknowledge(second)
    #expect(stream.didLose(second) == false)
    #expect(stream.frames[slot.index].state == .outstanding)
    #expect(stream.frames[slot.index].carrierCount == 1)
  }

  @Test func `slots that are read at offsets are sent by their numbers, whichever is full first`()
    throws
  {
    var stream = SendStream(geometry: geometry, byteCount: 3 * 4096 + 7)
    stream.start(at: 0)
    stream.windowLimit = 100
    var pieces: [Piece] = []
    while case .read(let piece)? = stream.nextStep() { pieces.append(piece) }
    #expect(pieces.map(\.offset) == [0, 4096, 8192, 12_288])
    #expect(pieces.map(\.range.count) == [4096, 4096, 4096, 7])
    for index in [3, 1, 0, 2] {
      #expect(!stream.isRead)
      let piece = pieces[index]
      // In two parts, as after a short read.
      let rest = stream.didRead(piece.slot, byteCount: 3)
      #expect(rest?.range == 3..<piece.range.count)
      #expect(rest?.offset == piece.offset + 3)
      #expect(stream.didRead(piece.slot, byteCount: piece.range.count - 3) == nil)
      let header = stream.didSeal(piece.slot, checksum: 5)
      #expect(header.number == UInt64(index))
      #expect(header.offset == piece.offset)
      #expect(stream.brokenInvariant == nil)
    }
    #expect(stream.isRead)
    for number in 0..<4 as Range<UInt64> { #expect(try send(&stream).number == number) }
  }

  @Test func `long frames are read and written in pieces`() {
    let geometry = Geometry(frameByteCount: 1 << 20, memoryByteCount: 8 << 20)
    var stream = SendStream(geometry: geometry, byteCount: 1 << 20)
    stream.start(at: 0)
    var first: Piece?
    if case .read(let piece)? = stream.nextStep() { first = piece }
    #expect(first?.range == 0..<Limits.pieceByteCount)
    let second = first.flatMap { stream.didRead($0.slot, byteCount: $0.range.count) }
    #expect(second?.range == Limits.pieceByteCount..<(1 << 20))
    #expect(second?.offset == UInt64(Limits.pieceByteCount))
  }

  @Test func `no more is read at a time than the bound and the slots for sounding allow`() {
    let geometry = Geometry(frameByteCount: 4096, memoryByteCount: 100 * 8192)
    var stream = SendStream(geometry: geometry, byteCount: 1 << 30)
    stream.start(at: 0)
    var count = 0
    while stream.nextStep() != nil { count += 1 }
    #expect(count == Limits.readsInFlight)
    var small = SendStream(geometry: self.geometry, byteCount: 1 << 30)
    small.start(at: 0)
    small.keptForSounding = 1
    while small.nextStep() != nil {}
    #expect(small.usedSlotCount == small.geometry.slotCount - 1)
  }

  @Test func `zeros leave as a header, and count with all that they span`() throws {
    var stream = SendStream(geometry: geometry, byteCount: 1 << 30, hasHoles: true)
    stream.start(at: 0)
    stream.windowLimit = 100
    guard case .locate(0)? = stream.nextStep() else {
      Issue.record("it does not ask where data are")
      return
    }
    stream.didLocate(from: 0, data: 1 << 30..<1 << 30)
    guard case .hole(let slot, let header)? = stream.nextStep() else {
      Issue.record("no hole")
      return
    }
    #expect(header == FrameHeader(.hole, offset: 0, number: 0, value: 1 << 30))
    #expect(stream.isRead)
    let carried = try send(&stream)
    #expect(carried.slot == slot)
    #expect(carried.byteCount == FrameHeader.byteCount)
    stream.didLeaveKernel(slot)
    stream.didWrite(below: (1 << 30) - 1)
    #expect(stream.acknowledgedByteCount == 0)
    stream.didWrite(below: 1 << 30)
    #expect(stream.acknowledgedByteCount == 1 << 30)
    #expect(stream.zeroByteCount == 1 << 30)
    #expect(stream.usedSlotCount == 0)
  }

  @Test func `a full frame of zeros becomes a hole, with the number and offset that it had`() throws
  {
    var stream = stream(frames: 1)
    _ = stream.rangeToFill()
    _ = stream.didFill(byteCount: 4096)
    let next = stream.beginSeal()
    let (slot, _) = try #require(next)
    let header = stream.didSealZeros(slot, .allocated)
    #expect(header == FrameHeader(.hole, offset: 4096, number: 1, value: 4096, detail: 1))
    var digest = StreamDigest()
    digest.add(FrameHeader(.data, length: 4096, offset: 0, value: 1))
    digest.add(header)
    #expect(stream.digest == digest)
    #expect(stream.brokenInvariant == nil)
  }

  @Test func `an empty input needs no slot in the end`() {
    var stream = SendStream(geometry: geometry)
    _ = stream.rangeToFill()
    stream.input = .ended
    stream.abandonFilling()
    #expect(stream.usedSlotCount == 0)
    #expect(stream.isEverythingSent)
    #expect(stream.isDrained)
    #expect(stream.nextNumber == 0)
  }

  @Test func `the last frame may be short`() throws {
    var stream = SendStream(geometry: geometry)
    stream.windowLimit = 1
    _ = stream.rangeToFill()
    #expect(stream.didFill(byteCount: 7) == false)
    #expect(stream.hasPartialFrame)
    let next = stream.beginSeal()
    let (slot, byteCount) = try #require(next)
    #expect(byteCount == 7)
    let header = stream.didSeal(slot, checksum: 3)
    #expect(header == FrameHeader(.data, length: 7, value: 3))
    #expect(try send(&stream).byteCount == 7 + FrameHeader.byteCount)
  }
}
