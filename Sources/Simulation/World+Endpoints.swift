import Transfer
import Wire

/// What the sender reads: bytes that depend only on the seed and the offset.
struct VirtualInput {
  struct Read {
    var token: OperationToken
    var slot: SlotID
    var range: Range<Int>
  }

  let content: [UInt8]
  var offset = 0
  var pending: Read?
  /// Nothing more before this moment.
  var readyAt: Int64 = 0
  var isForgotten = false

  /// Length of the random piece that is repeated: a prime, so that no frame or segment that goes
  /// astray finds its own bytes elsewhere.
  private static let pieceByteCount = 4099

  init(_ plan: Plan) {
    var random = SplitMix64(seed: plan.seed ^ 0x696E_7075_7400_0000)
    let piece = (0..<Self.pieceByteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(plan.streamByteCount + piece.count)
    while bytes.count < plan.streamByteCount { bytes += piece }
    bytes.removeLast(bytes.count - plan.streamByteCount)
    content = bytes
  }

  mutating func forget(_ node: Int) {
    guard node == 0 else { return }
    pending = nil
    isForgotten = true
  }
}

/// Where the receiver writes: checked byte by byte against the input.
struct VirtualOutput {
  struct Write {
    var token: OperationToken
    var slot: SlotID
    var range: Range<Int>
  }

  var writtenCount = 0
  var pending: Write?
  var watch: OperationToken?
  var synchronize: OperationToken?
  /// Nothing is taken before this moment.
  var readyAt: Int64 = 0
  var isConsumerGone = false
  var isSynchronized = false
  var isForgotten = false

  init(_ plan: Plan) {}

  mutating func forget(_ node: Int) {
    guard node == 1 else { return }
    pending = nil
    watch = nil
    synchronize = nil
    isForgotten = true
  }
}

// The ends of the stream.
extension World {
  // MARK: Input

  mutating func read(_ n: Int, _ token: OperationToken, _ slot: SlotID, _ range: Range<Int>) {
    guard nodes[n].role == .sender, input.pending == nil else {
      return fail("\(name(n)) reads twice at a time, or at all")
    }
    guard !range.isEmpty, range.upperBound <= nodes[n].geometry?.frameByteCount ?? 0 else {
      return fail("\(name(n)) reads beyond slot \(slot.index)")
    }
    let use = nodes[n].uses[slot.index]
    guard use.readers == 0, use.writers == 0 else {
      return fail("\(name(n)) reads into slot \(slot.index), which the kernel uses")
    }
    nodes[n].uses[slot.index].writers += 1
    input.pending = VirtualInput.Read(token: token, slot: slot, range: range)
    if now >= input.readyAt {
      serveRead()
    } else {
      queue.add(.endpoint(node: 0), at: input.readyAt)
    }
  }

  /// Gives the input's next bytes to the read that waits.
  mutating func serveRead() {
    guard let read = input.pending, now >= input.readyAt else { return }
    if let limit = plan.inputFailsAt, input.offset >= limit {
      marks.reach(.inputFailure)
      ledger.excuse("the input failed")
      return endRead(failure: Failure(.other, code: 5))
    }
    var byteCount = min(read.range.count, input.content.count - input.offset)
    if let limit = plan.inputFailsAt { byteCount = min(byteCount, limit - input.offset) }
    byteCount = min(byteCount, plan.readLimit)
    if byteCount > 1, random.chance(plan.shortRead) {
      marks.reach(.shortRead)
      byteCount = random.int(1...byteCount)
    }
    let from = slotStart(0, read.slot) + read.range.lowerBound
    nodes[0].arena.replaceSubrange(
      from..<(from + byteCount),
      with: input.content[input.offset..<(input.offset + byteCount)]
    )
    input.offset += byteCount
    if random.chance(plan.inputPause), !isHealed {
      marks.reach(.slowProducer)
      input.readyAt = now + Int64(random.magnitude(10_000...200_000_000))
    }
    input.pending = nil
    complete(
      0,
      Completion(
        event: .completed(read.token, .done(byteCount), releaseFollows: false),
        ends: .read,
        slot: read.slot
      )
    )
  }

  mutating func endRead(failure: Failure) {
    guard let read = input.pending else { return }
    input.pending = nil
    complete(
      0,
      Completion(
        event: .completed(read.token, .failed(failure), releaseFollows: false),
        ends: .read,
        slot: read.slot
      )
    )
  }

  // MARK: Output

  mutating func write(_ n: Int, _ token: OperationToken, _ slot: SlotID, _ range: Range<Int>) {
    guard nodes[n].role == .receiver, output.pending == nil else {
      return fail("\(name(n)) writes twice at a time, or at all")
    }
    guard !range.isEmpty, range.upperBound <= nodes[n].geometry?.frameByteCount ?? 0 else {
      return fail("\(name(n)) writes beyond slot \(slot.index)")
    }
    guard nodes[n].uses[slot.index].writers == 0 else {
      return fail("\(name(n)) writes slot \(slot.index), which the kernel is filling")
    }
    nodes[n].uses[slot.index].readers += 1
    output.pending = VirtualOutput.Write(token: token, slot: slot, range: range)
    if now >= output.readyAt {
      serveWrite()
    } else {
      queue.add(.endpoint(node: 1), at: output.readyAt)
    }
  }

  /// Takes what the pending write offers, as far as the plan lets it.
  mutating func serveWrite() {
    guard let write = output.pending, now >= output.readyAt else { return }
    if output.isConsumerGone { return endWrite(write, .failed(Failure(.brokenPipe))) }
    if let limit = plan.outputFailsAt, output.writtenCount >= limit {
      marks.reach(.outputFailure)
      ledger.excuse("the output failed")
      return endWrite(write, plan.outputFailure.map { .failed(Failure($0)) } ?? .done(0))
    }
    if let limit = plan.consumerGoesAt, output.writtenCount >= limit {
      consumerGoes()
      return endWrite(write, .failed(Failure(.brokenPipe)))
    }
    var byteCount = write.range.count
    if let limit = plan.outputFailsAt { byteCount = min(byteCount, limit - output.writtenCount) }
    if let limit = plan.consumerGoesAt { byteCount = min(byteCount, limit - output.writtenCount) }
    if byteCount > 1, random.chance(plan.shortWrite) {
      marks.reach(.shortWrite)
      byteCount = random.int(1...byteCount)
    }
    checkOutput(write.slot, from: write.range.lowerBound, byteCount: byteCount)
    output.writtenCount += byteCount
    if random.chance(plan.outputPause), !isHealed {
      marks.reach(.slowConsumer)
      output.readyAt = now + Int64(random.magnitude(10_000...500_000_000))
    }
    endWrite(write, .done(byteCount))
  }

  private mutating func endWrite(_ write: VirtualOutput.Write, _ result: Event.Result) {
    output.pending = nil
    complete(
      1,
      Completion(
        event: .completed(write.token, result, releaseFollows: false),
        ends: .write,
        slot: write.slot
      )
    )
  }

  /// The oracle that everything is about: what is written is what was read, at every offset.
  private mutating func checkOutput(_ slot: SlotID, from start: Int, byteCount: Int) {
    let from = slotStart(1, slot) + start
    let until = output.writtenCount + byteCount
    guard until <= input.offset else {
      return fail("bytes up to \(until) are written, only \(input.offset) were read")
    }
    let wrong = firstDifference(from: from, byteCount: byteCount)
    if let wrong { fail("byte \(output.writtenCount + wrong) is wrong") }
  }

  private func firstDifference(from: Int, byteCount: Int) -> Int? {
    let content = input.content.span
    let slots = nodes[1].arena
    let arena = slots.span
    // A plain loop, for the sake of debug builds.
    var index = 0
    while index < byteCount {
      if arena[from &+ index] != content[output.writtenCount &+ index] { return index }
      index &+= 1
    }
    return nil
  }

  mutating func consumerGoes() {
    guard !output.isConsumerGone else { return }
    output.isConsumerGone = true
    marks.reach(.consumerGone)
    ledger.excuse("the consumer has gone")
    note(13, 0, "the consumer of the output goes")
    if let token = output.watch {
      output.watch = nil
      complete(
        1,
        Completion(event: .completed(token, .done(0), releaseFollows: false), ends: .watch)
      )
    }
  }

  mutating func watchOutput(_ n: Int, _ token: OperationToken) {
    guard nodes[n].role == .receiver, output.watch == nil else {
      return fail("\(name(n)) watches the output twice")
    }
    output.watch = token
  }

  mutating func synchronize(_ n: Int, _ token: OperationToken) {
    guard output.pending == nil else { return fail("the output is synchronised while written") }
    output.synchronize = token
    let delay = random.chance(plan.outputPause) ? random.magnitude(1_000_000...8_000_000_000) : 1000
    output.readyAt = now + Int64(delay)
    queue.add(.endpoint(node: 1), at: output.readyAt)
  }

  mutating func serveSynchronize() {
    guard let token = output.synchronize, now >= output.readyAt else { return }
    output.synchronize = nil
    var result = Event.Result.done(0)
    if plan.synchronizeFails {
      marks.reach(.synchronizeFailure)
      ledger.excuse("the output could not be synchronised")
      result = .failed(Failure(.other, code: 5))
    } else {
      output.isSynchronized = true
    }
    complete(
      1,
      Completion(event: .completed(token, result, releaseFollows: false), ends: .synchronize)
    )
  }

  mutating func endpointReady(_ n: Int) {
    if n == 0 { return serveRead() }
    serveWrite()
    serveSynchronize()
  }
}
