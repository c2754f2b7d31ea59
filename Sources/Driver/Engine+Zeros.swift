internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

// Zeros: where the input has none but holes, and how they are made at the output.
extension Engine {
  /// The zeros that are written stand behind all control buffers, at the start of a page, and are
  /// never touched, so that they take no memory.
  private var zeros: ArenaRange {
    ArenaRange(offset: Run.zerosOffset(session.options), count: Limits.zerosByteCount)
  }

  // MARK: Reading

  func locate(_ offset: UInt64) -> Event {
    let isInput = session.options.role == .sender
    // An output is read back when all of it is written; its length is ours to say, not the peer's.
    let byteCount =
      isInput ? session.options.streamByteCount : session.statistics.writtenOffset
    guard let storage else { return .didLocate(from: offset, data: offset..<byteCount) }
    // A descriptor of our own leaves the position of standard input alone.
    let data = Disk.nextData(
      in: storage.direct ?? storage.descriptor,
      from: storage.base + offset,
      before: storage.base + byteCount
    )
    let (start, end) = (data.lowerBound - storage.base, data.upperBound - storage.base)
    return .didLocate(from: offset, data: start..<end)
  }

  // MARK: Output

  func writeZeros(_ byteCount: Int, _ userData: UInt64) {
    let file = RingFile.descriptor(endpoint.descriptor)
    let range = ArenaRange(offset: zeros.offset, count: min(byteCount, zeros.count))
    enqueueStream(.write(file, from: range, at: nil), userData)
  }

  /// Makes zeros in the cheapest way that this output knows; never are stale bytes left.
  ///
  /// - Returns: how many bytes are zeros already; nil if a completion will tell.
  func clear(_ offset: UInt64, _ byteCount: UInt64, isAllocated: Bool, _ userData: UInt64) -> Int? {
    guard let storage else { preconditionFailure("a stream has no offsets") }
    let place = storage.base + offset
    self.storage?.end = max(storage.end, place + byteCount)
    // A file that was cut to nothing has zeros wherever nothing is written.
    if !isAllocated, storage.isFresh { return Int(byteCount) }
    let whole = byteCount & ~(Storage.alignment - 1)
    let isAligned = place % Storage.alignment == 0 && whole > 0
    let file = RingFile.descriptor(storage.descriptor)
    var operation: Uring.Operation
    var count = whole
    var way = Storage.Way.written
    if isAligned, !isAllocated, storage.canPunch {
      way = .punched
      operation = .allocate(file, offset: place, byteCount: whole, .hole)
    } else if isAligned, storage.canZero {
      way = .zeroed
      operation = .allocate(file, offset: place, byteCount: whole, .zeros)
    } else {
      let most = isAligned ? whole : Storage.alignment - place % Storage.alignment
      count = min(byteCount, most, UInt64(zeros.count))
      let range = ArenaRange(offset: zeros.offset, count: Int(count))
      let direct = isAligned ? storage.direct.map(RingFile.descriptor) : nil
      if direct != nil { way = .writtenDirectly }
      operation = .write(direct ?? file, from: range, at: place)
    }
    self.storage?.requests[userData] = Storage.Request(
      operation: .clear(at: offset, byteCount: byteCount, isAllocated: isAllocated),
      place: place,
      byteCount: Int(count),
      way: way
    )
    enqueue(operation, userData: userData)
    return nil
  }

  /// What the end of such an operation means; nil if it was begun again another way.
  func outcome(ofClear request: Storage.Request, _ completion: Completion) -> Completion.Outcome? {
    switch (completion.outcome, request.way) {
    case (.bytes, .punched), (.bytes, .zeroed):
      return .bytes(request.byteCount)
    case (.failed(.notSupported), .punched), (.failed(.invalid), .punched):
      storage?.canPunch = false
    case (.failed(.notSupported), .zeroed), (.failed(.invalid), .zeroed):
      storage?.canZero = false
    case (.failed(.invalid), .writtenDirectly):
      storage?.closeDirect()
    default:
      return completion.outcome
    }
    guard case .clear(let offset, let byteCount, let isAllocated) = request.operation else {
      preconditionFailure("only what clears is cleared another way")
    }
    return clear(offset, byteCount, isAllocated: isAllocated, completion.userData).map {
      .bytes($0)
    }
  }
}
