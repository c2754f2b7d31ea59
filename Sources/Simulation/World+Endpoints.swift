import Transfer
import Wire

/// What the sender reads: bytes that depend only on the seed and the offset.
struct VirtualInput {
  struct Read {
    var token: OperationToken
    var slot: SlotID
    var range: Range<Int>
    /// Where in the stream; nil: at the present position.
    var offset: Int?
  }

  let content: [UInt8]
  /// The present position; for a file, how far it was read.
  var offset = 0
  var pending: [Read] = []
  /// Nothing more before this moment.
  var readyAt: Int64 = 0
  var isForgotten = false
  /// Whether somebody has written to it, and whether the sender has looked.
  var isChanged = false
  var wasChecked = false

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
    for run in plan.zeros { for place in run { bytes[place] = 0 } }
    content = bytes
  }

  mutating func forget(_ node: Int) {
    guard node == 0 else { return }
    pending = []
    isForgotten = true
  }
}

/// Where the receiver writes: checked byte by byte against the input.
struct VirtualOutput {
  struct Write {
    var token: OperationToken
    /// Nil: zeros.
    var slot: SlotID?
    var range: Range<Int>
    /// Where in the stream; nil: at the present position.
    var offset: Int?
  }

  /// Bytes written; for a pipe also the present position.
  var writtenCount = 0
  /// Of a file: which bytes are written.
  var isWritten: [Bool] = []
  var pending: [Write] = []
  var flush: (token: OperationToken, offset: UInt64)?
  /// All bytes below it are on the disk.
  var durableOffset: UInt64 = 0
  /// What the journal says of it.
  var notedOffset: UInt64 = 0
  var watch: OperationToken?
  var synchronize: OperationToken?
  /// Nothing is taken before this moment.
  var readyAt: Int64 = 0
  var isConsumerGone = false
  var isClosed = false
  var isSynchronized = false
  var isForgotten = false
  /// What a file has, if it will be read back; and what of it was.
  var bytes: [UInt8] = []
  var reads: [VirtualInput.Read] = []
  var wasRead: [Bool] = []
  var isDamaged = false
  var sawDamage = false
  var isPublished = false

  init(_ plan: Plan, _ content: [UInt8]) {
    if plan.verifies {
      // What an earlier run has not written may be anything.
      let resumed = plan.resumedOffset ?? 0
      bytes = content.enumerated().map { $0 < resumed ? $1 : $1 ^ 0xFF }
    }
    if plan.isPositional[1] {
      isWritten = [Bool](repeating: false, count: plan.streamByteCount)
      for place in 0..<(plan.resumedOffset ?? 0) { isWritten[place] = true }
      writtenCount = plan.resumedOffset ?? 0
      durableOffset = UInt64(writtenCount)
    }
  }

  mutating func forget(_ node: Int) {
    guard node == 1 else { return }
    pending = []
    reads = []
    flush = nil
    watch = nil
    synchronize = nil
    isForgotten = true
  }
}

// The ends of the stream.
extension World {
  // MARK: Input

  mutating func read(
    _ n: Int,
    _ token: OperationToken,
    _ slot: SlotID,
    _ range: Range<Int>,
    at offset: UInt64?
  ) {
    if nodes[n].role == .receiver { return readOutput(token, slot, range, at: offset) }
    let limit = plan.isPositional[0] ? Limits.readsInFlight : 1
    guard nodes[n].role == .sender, input.pending.count < limit else {
      return fail("\(name(n)) reads more than \(limit) times at a time, or at all")
    }
    guard (offset != nil) == plan.isPositional[0] else {
      return fail("\(name(n)) reads at an offset where there is none, or without one")
    }
    guard !range.isEmpty, range.upperBound <= nodes[n].geometry?.frameByteCount ?? 0 else {
      return fail("\(name(n)) reads beyond slot \(slot.index)")
    }
    let use = nodes[n].uses[slot.index]
    guard use.readers == 0, use.writers == 0 else {
      return fail("\(name(n)) reads into slot \(slot.index), which the kernel uses")
    }
    nodes[n].uses[slot.index].writers += 1
    input.pending.append(
      VirtualInput.Read(token: token, slot: slot, range: range, offset: offset.map(Int.init))
    )
    // A file's reads wait a moment, so that several are there and any may be the first to end.
    if offset != nil {
      after(Int64(random.magnitude(1000...1_000_000)), .endpoint(node: 0))
    } else if now >= input.readyAt {
      serveReads()
    } else {
      queue.add(.endpoint(node: 0), at: input.readyAt)
    }
  }

  /// Tells where the input's next data are; in a file without an answer, it is data to its end.
  mutating func locate(_ n: Int, _ offset: UInt64) {
    if nodes[n].role == .receiver { return locateInOutput(offset) }
    guard nodes[n].role == .sender, plan.hasHoles, offset < input.content.count else {
      return fail("\(name(n)) asks where data are, of an input that cannot tell, or behind its end")
    }
    var start = Int(offset)
    for hole in plan.holes where hole.contains(start) { start = hole.upperBound }
    let end = plan.holes.first { $0.lowerBound >= start && !$0.isEmpty }?.lowerBound
    let isHole = start - Int(offset) >= Limits.smallestHole
    if start > Int(offset) { marks.reach(isHole ? .hole : .smallHole) }
    answer(
      n,
      .didLocate(from: offset, data: UInt64(start)..<UInt64(end ?? input.content.count))
    )
  }

  mutating func checkInput(_ n: Int) {
    guard nodes[n].role == .sender, plan.isPositional[0], input.pending.isEmpty else {
      return fail("\(name(n)) checks an input that is no file, or is being read")
    }
    input.wasChecked = true
    answer(n, .didCheckInput(isUnchanged: !input.isChanged))
  }

  /// Gives the input's bytes to a read that waits.
  mutating func serveReads() {
    guard !input.pending.isEmpty, now >= input.readyAt else { return }
    let index = input.pending.count == 1 ? 0 : random.int(0...(input.pending.count - 1))
    if index > 0 { marks.reach(.readOutOfOrder) }
    let read = input.pending[index]
    let offset = read.offset ?? input.offset
    if let limit = plan.inputFailsAt, offset >= limit {
      marks.reach(.inputFailure)
      ledger.excuse("the input failed")
      return endRead(read, .failed(Failure(.other, code: 5)))
    }
    let end = plan.inputShrinksTo ?? inputEnd
    if plan.inputShrinksTo != nil, offset >= end {
      marks.reach(.inputShrank)
      ledger.excuse("the input became shorter")
    }
    var byteCount = max(min(read.range.count, end - offset), 0)
    if let limit = plan.inputFailsAt { byteCount = min(byteCount, limit - offset) }
    byteCount = min(byteCount, plan.readLimit)
    if byteCount > 1, random.chance(plan.shortRead) {
      marks.reach(.shortRead)
      byteCount = random.int(1...byteCount)
    }
    if !plan.isHollow {
      let from = slotStart(0, read.slot) + read.range.lowerBound
      nodes[0].arena.replaceSubrange(
        from..<(from + byteCount),
        with: input.content[offset..<(offset + byteCount)]
      )
    }
    input.offset = max(input.offset, offset + byteCount)
    if read.offset != nil { marks.reach(.positionalInput) }
    if let place = plan.sourceChangesAt, input.offset >= place, !input.isChanged {
      input.isChanged = true
      marks.reach(.sourceChanged)
      ledger.excuse("the source changed")
    }
    commandWasRead()
    if random.chance(plan.inputPause), !isHealed {
      marks.reach(.slowProducer)
      input.readyAt = now + Int64(random.magnitude(10_000...200_000_000))
    }
    endRead(read, .done(byteCount))
  }

  mutating func endRead(_ read: VirtualInput.Read, _ result: Event.Result) {
    input.pending.removeAll { $0.token == read.token }
    complete(
      0,
      Completion(
        event: .completed(read.token, result, releaseFollows: false),
        ends: .read,
        slot: read.slot
      )
    )
  }

  // MARK: Output

  mutating func write(
    _ n: Int,
    _ token: OperationToken,
    _ slot: SlotID,
    _ range: Range<Int>,
    at offset: UInt64?
  ) {
    guard !range.isEmpty, range.upperBound <= nodes[n].geometry?.frameByteCount ?? 0 else {
      return fail("\(name(n)) writes beyond slot \(slot.index)")
    }
    guard nodes[n].uses[slot.index].writers == 0 else {
      return fail("\(name(n)) writes slot \(slot.index), which the kernel is filling")
    }
    nodes[n].uses[slot.index].readers += 1
    beginWrite(
      n,
      VirtualOutput.Write(token: token, slot: slot, range: range, offset: offset.map(Int.init))
    )
  }

  mutating func writeZeros(_ n: Int, _ token: OperationToken, _ byteCount: Int) {
    guard (1...Limits.zerosByteCount).contains(byteCount) else {
      return fail("\(name(n)) writes \(byteCount) zeros at a time")
    }
    marks.reach(.zerosIntoPipe)
    beginWrite(n, VirtualOutput.Write(token: token, slot: nil, range: 0..<byteCount, offset: nil))
  }

  mutating func clear(
    _ n: Int,
    _ token: OperationToken,
    at offset: UInt64,
    _ byteCount: UInt64,
    isAllocated: Bool
  ) {
    guard (1...Limits.clearByteCount).contains(byteCount) else {
      return fail("\(name(n)) clears \(byteCount) bytes at a time")
    }
    if plan.sparse[1] == .never, !isAllocated { fail("a hole where none is wanted") }
    marks.reach(isAllocated ? .allocatedZeros : .cleared)
    beginWrite(
      n,
      VirtualOutput.Write(token: token, slot: nil, range: 0..<Int(byteCount), offset: Int(offset))
    )
  }

  private mutating func beginWrite(_ n: Int, _ write: VirtualOutput.Write) {
    let limit = plan.isPositional[1] ? Limits.writesInFlight : 1
    guard nodes[n].role == .receiver, output.pending.count < limit else {
      return fail("\(name(n)) writes more than \(limit) times at a time, or at all")
    }
    guard (write.offset != nil) == plan.isPositional[1] else {
      return fail("\(name(n)) writes at an offset where there is none, or without one")
    }
    output.pending.append(write)
    if write.offset != nil {
      after(Int64(random.magnitude(1000...1_000_000)), .endpoint(node: 1))
    } else if now >= output.readyAt {
      serveWrites()
    } else {
      queue.add(.endpoint(node: 1), at: output.readyAt)
    }
  }

  /// Takes what a pending write offers, as far as the plan lets it.
  mutating func serveWrites() {
    guard !output.pending.isEmpty, now >= output.readyAt else { return }
    let index = output.pending.count == 1 ? 0 : random.int(0...(output.pending.count - 1))
    if index > 0 { marks.reach(.writtenOutOfOrder) }
    let write = output.pending[index]
    if output.isConsumerGone || commandIsDeaf() {
      return endWrite(write, .failed(Failure(.brokenPipe)))
    }
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
    byteCount = min(byteCount, commandLimit - output.writtenCount)
    if byteCount > 1, random.chance(plan.shortWrite) {
      marks.reach(.shortWrite)
      byteCount = random.int(1...byteCount)
    }
    checkOutput(write, byteCount: byteCount)
    output.writtenCount += byteCount
    if random.chance(plan.outputPause), !isHealed {
      marks.reach(.slowConsumer)
      output.readyAt = now + Int64(random.magnitude(10_000...500_000_000))
    }
    endWrite(write, .done(byteCount))
  }

  private mutating func endWrite(_ write: VirtualOutput.Write, _ result: Event.Result) {
    output.pending.removeAll { $0.token == write.token }
    complete(
      1,
      Completion(
        event: .completed(write.token, result, releaseFollows: false),
        ends: .write,
        slot: write.slot
      )
    )
  }

  /// The oracle that everything is about: what is written is what was read, at every offset, once.
  private mutating func checkOutput(_ write: VirtualOutput.Write, byteCount: Int) {
    let offset = write.offset ?? output.writtenCount
    // Where the input has a hole, nothing need have been read.
    let isRead = offset + byteCount <= input.offset || write.slot == nil
    guard isRead, plan.isHollow || offset + byteCount <= input.content.count else {
      return fail("bytes up to \(offset + byteCount) are written, only \(input.offset) were read")
    }
    if plan.isHollow { return }
    let from = write.slot.map { slotStart(1, $0) + write.range.lowerBound }
    let wrong = firstDifference(from: from, at: offset, byteCount: byteCount)
    if let wrong { return fail("byte \(offset + wrong) is wrong") }
    guard write.offset != nil else { return }
    marks.reach(.positionalOutput)
    var place = offset
    while place < offset + byteCount {
      guard !output.isWritten[place] else { return fail("byte \(place) is written twice") }
      output.isWritten[place] = true
      if plan.verifies { output.bytes[place] = input.content[place] }
      place += 1
    }
    damageOutput(isLate: false)
  }

  /// `from`: where the bytes stand in the arena; nil for zeros.
  private func firstDifference(from: Int?, at offset: Int, byteCount: Int) -> Int? {
    let content = input.content.span
    let slots = nodes[1].arena
    let arena = slots.span
    // A plain loop, for the sake of debug builds.
    var index = 0
    while index < byteCount {
      let byte = from.map { arena[$0 &+ index] } ?? 0
      if byte != content[offset &+ index] { return index }
      index &+= 1
    }
    return nil
  }

  mutating func flush(_ n: Int, _ token: OperationToken, below offset: UInt64) {
    guard nodes[n].role == .receiver, plan.isPositional[1], output.flush == nil else {
      return fail("\(name(n)) flushes what is no file, or twice at a time")
    }
    guard (0..<Int(offset)).allSatisfy({ output.isWritten[$0] }) else {
      return fail("not all bytes below \(offset) are written when they are flushed")
    }
    output.flush = (token, offset)
    after(Int64(random.magnitude(1000...100_000_000)), .endpoint(node: 1))
  }

  mutating func writeJournal(_ n: Int, _ token: OperationToken, _ journal: Journal) {
    guard journal.durableOffset <= output.durableOffset, plan.isPositional[0] else {
      return fail(
        "the journal claims \(journal.durableOffset), \(output.durableOffset) are durable"
      )
    }
    let end = Int(journal.durableOffset)
    let sum = plan.verifies ? PlaceSum.of(input.content, 0..<end, at: 0) : nil
    guard journal.sum == sum else { return fail("the journal has a wrong sum") }
    guard Journal(decoding: journal.encoded.span) == journal else {
      return fail("the journal cannot be read again")
    }
    output.notedOffset = journal.durableOffset
    marks.reach(.journalWritten)
    complete(n, Completion(event: .completed(token, .done(0), releaseFollows: false), ends: .flush))
  }

  mutating func serveFlush() {
    guard let (token, offset) = output.flush, now >= output.readyAt else { return }
    if !plan.synchronizeFails { output.durableOffset = max(output.durableOffset, offset) }
    marks.reach(.flushed)
    output.flush = nil
    let result: Event.Result = plan.synchronizeFails ? .failed(Failure(.other, code: 5)) : .done(0)
    if plan.synchronizeFails { ledger.excuse("the output could not be flushed") }
    complete(
      1,
      Completion(event: .completed(token, result, releaseFollows: false), ends: .flush)
    )
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
    guard output.pending.isEmpty, output.flush == nil else {
      return fail("the output is synchronised while written")
    }
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
      output.durableOffset = max(output.durableOffset, UInt64(output.writtenCount))
      damageOutput(isLate: true)
    }
    complete(
      1,
      Completion(event: .completed(token, result, releaseFollows: false), ends: .synchronize)
    )
  }

  mutating func endpointReady(_ n: Int) {
    if n == 0 {
      serveReads()
      // Of a file's operations each one served leaves others waiting.
      if plan.isPositional[0], !input.pending.isEmpty {
        queue.add(.endpoint(node: 0), at: max(input.readyAt, now + 1000))
      }
      return
    }
    serveWrites()
    serveFlush()
    serveSynchronize()
    serveReadBack()
    let isBusy = !output.pending.isEmpty || !output.reads.isEmpty || output.flush != nil
    if plan.isPositional[1], isBusy {
      queue.add(.endpoint(node: 1), at: max(output.readyAt, now + 1000))
    }
  }
}
