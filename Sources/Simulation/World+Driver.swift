import Transfer
import Wire

// The driver's part, played as `Session` documents it, with a watch on every promise of the core.
extension World {
  /// Turns that may follow each other without an event or an action; more is a busy loop.
  private static let idleTurnLimit = 50
  /// How long a user looks at a process that waits for a peer who is gone, in nanoseconds.
  private static let patience: Int64 = 40_000_000_000
  /// Actions of one turn; a table of connections with a handful each stays far below.
  private static let actionLimit = 20_000

  // MARK: Completions

  /// Lets a process see a completion, at once or late.
  mutating func complete(_ node: Int, _ completion: Completion) {
    if case .completed(let token, _, true) = completion.event { nodes[node].unseen.append(token) }
    var delay: Int64 = 0
    if random.chance(plan.lateCompletion) {
      delay = Int64(random.magnitude(1000...20_000_000))
      marks.reach(.lateCompletion)
    }
    after(delay, .ready(node: node, completion))
  }

  mutating func becameReady(_ node: Int, _ completion: Completion) {
    guard node < nodes.count, nodes[node].isRunning else { return }
    nodes[node].ready.append(completion)
    wake(node, after: plan.loopDelay)
  }

  mutating func wake(_ node: Int, after delay: Int64) {
    let at = now + max(delay, 1)
    guard at < nodes[node].turnAt else { return }
    nodes[node].turnAt = at
    queue.add(.turn(node: node), at: at)
  }

  // MARK: Turns

  mutating func turn(_ n: Int) {
    guard nodes[n].turnAt == now, nodes[n].isRunning else { return }
    nodes[n].turnAt = .max
    guard now >= nodes[n].frozenUntil else { return wake(n, after: nodes[n].frozenUntil - now) }
    nodes[n].turnCount += 1
    let delivered = deliverSome(n)
    guard failure == nil else { return }
    let instant = Instant(nanoseconds: now)
    nodes[n].session.advance(to: instant)
    let actionCount = act(n)
    guard failure == nil else { return }
    check(n)
    guard nodes[n].isRunning, failure == nil else { return }
    checkRest(n)
    nodes[n].idleTurns = delivered + actionCount == 0 ? nodes[n].idleTurns + 1 : 0
    scheduleTurn(n)
  }

  /// What can be done is done in the turn that made it possible, and does not wait for a timer: a
  /// second turn in the same moment has nothing to do.
  ///
  /// After every fourth turn only, which one the seed says: what takes a third is not to be hidden by
  /// the second.
  private mutating func checkRest(_ n: Int) {
    guard UInt64(nodes[n].turnCount) % 4 == plan.seed % 4,
      nodes[n].session.nextDeadline.map({ $0.nanoseconds > now }) ?? true
    else { return }
    let known = nodes[n].session.statistics.resentFrameCount
    nodes[n].session.advance(to: Instant(nanoseconds: now))
    let actionCount = act(n) { world, action in
      // Each second copy of a late frame makes another frame the oldest: more may follow.
      if world.nodes[n].session.statistics.resentFrameCount == known {
        world.fail("\(name(n)) leaves for later: \(action)")
      }
    }
    if actionCount > 0, failure == nil { check(n) }
  }

  /// Does all that a session asks for, after a look at each action; how many there were.
  private mutating func act(_ n: Int, _ look: (inout World, Action) -> Void = { _, _ in }) -> Int {
    var actionCount = 0
    while failure == nil, let action = nodes[n].session.nextAction() {
      actionCount += 1
      look(&self, action)
      guard failure == nil else { break }
      perform(n, action)
      if failure == nil, actionCount >= Self.actionLimit { fail("\(name(n)) never stops acting") }
    }
    return actionCount
  }

  private mutating func scheduleTurn(_ n: Int) {
    if !nodes[n].ready.isEmpty { wake(n, after: plan.loopDelay) }
    guard let deadline = nodes[n].session.nextDeadline else { return }
    if deadline.nanoseconds > now {
      nodes[n].idleTurns = 0
    } else if nodes[n].idleTurns > Self.idleTurnLimit {
      return fail("\(name(n)) spins: its deadline has passed and it does nothing")
    }
    wake(n, after: max(deadline.nanoseconds - now, plan.loopDelay))
  }

  private mutating func deliverSome(_ n: Int) -> Int {
    var count = 0
    switch plan.delivery {
    case .inOrder:
      let ready = nodes[n].ready
      nodes[n].ready = []
      for completion in ready { deliver(n, completion) }
      count = ready.count
    case .shuffled:
      var ready = nodes[n].ready
      nodes[n].ready = []
      ready.shuffle(using: &random)
      for completion in ready { deliver(n, completion) }
      count = ready.count
    case .single:
      guard !nodes[n].ready.isEmpty else { break }
      let index = random.int(0...(nodes[n].ready.count - 1))
      deliver(n, nodes[n].ready.remove(at: index))
      count = 1
    }
    if !nodes[n].copies.isEmpty, random.chance(0.1) {
      let index = random.int(0...(nodes[n].copies.count - 1))
      deliver(n, nodes[n].copies.remove(at: index))
      count += 1
    }
    return count
  }

  private mutating func deliver(_ n: Int, _ completion: Completion) {
    guard failure == nil else { return }
    if case .released(let token, _) = completion.event, nodes[n].unseen.contains(token) {
      // The kernel posts a notification after the completion of its send, never before.
      return nodes[n].ready.append(completion)
    }
    if !completion.isCopy {
      settle(n, completion)
      if random.chance(plan.duplicateCompletion) {
        marks.reach(.duplicateCompletion)
        var copy = completion
        copy.isCopy = true
        // The second one comes at once, or when the token is long forgotten.
        if random.chance(0.5) { nodes[n].ready.append(copy) } else { nodes[n].copies.append(copy) }
      }
    }
    note(1, n, "\(name(n)) <- \(completion.isCopy ? "again " : "")\(completion.event)")
    var control: [UInt8] = []
    if case .completed(let token, _, _) = completion.event,
      let id = nodes[n].session.controlOwner(of: token)
    {
      control = nodes[n].places[id.index].incoming
    }
    let instant = Instant(nanoseconds: now)
    nodes[n].session.handle(completion.event, control: control.span, at: instant)
  }

  /// What was in flight no longer is, and a slot has one user less.
  private mutating func settle(_ n: Int, _ completion: Completion) {
    if let slot = completion.slot {
      switch completion.ends {
      case .receive, .read: nodes[n].uses[slot.index].writers -= 1
      default: nodes[n].uses[slot.index].readers -= 1
      }
    }
    if case .completed(let token, _, true) = completion.event {
      nodes[n].unseen.removeAll { $0 == token }
    }
    switch completion.ends {
    case .connect(let id): nodes[n].places[id.index].connectCount -= 1
    case .send(let id): nodes[n].places[id.index].sendCount -= 1
    case .receive(let id): nodes[n].places[id.index].receiveCount -= 1
    case .read, .write, .watch, .synchronize, .flush, nil: break
    }
  }

  // MARK: Actions

  private mutating func perform(_ n: Int, _ action: Action) {
    note(2, n, "\(name(n)) -> \(action)")
    switch action {
    case .submit(let token, let operation): submit(n, token, operation)
    case .cancel(let token): cancel(n, token)
    case .configure(let geometry): configure(n, geometry)
    case .checksum(let slot, let byteCount, let findsZeros):
      if plan.isHollow { return answer(n, .didChecksum(slot, 0, isZero: false)) }
      let from = slotStart(n, slot)
      guard byteCount <= geometry(n).frameByteCount else { return fail("a checksum beyond a slot") }
      let sum = Checksum.of(nodes[n].arena, from..<(from + byteCount))
      let isZero = findsZeros && nodes[n].arena[from..<(from + byteCount)].allSatisfy { $0 == 0 }
      answer(n, .didChecksum(slot, sum, isZero: isZero))
    case .locate(let offset): locate(n, offset)
    case .checkInput: checkInput(n)
    case .sum(let slot, let range, let offset): answer(n, sum(n, slot, range, at: offset))
    case .readBack: readBack(n)
    case .seal(let slot, let header, let seed): seal(n, slot, header, seed)
    case .greet(let id, let greeting):
      guard isWritable(n, id) else { return }
      nodes[n].places[id.index].write { greeting.encode(into: &$0) }
    case .compose(let id, let header, let payload, let seed):
      guard isWritable(n, id) else { return }
      observe(header)
      nodes[n].places[id.index].write { header.encode(into: &$0, seed: seed) }
      let start = FrameHeader.byteCount
      guard payload.count == Int(header.length) else { return fail("a payload of another length") }
      nodes[n].places[id.index].outgoing.replaceSubrange(
        start..<(start + payload.count),
        with: payload
      )
    case .stop(let id): stop(n, id)
    case .close(let id, let isReset): close(n, id, isReset: isReset)
    case .closeOutput: closeOutput(n)
    case .endCommand(let isForced): endCommand(n, isForced: isForced)
    case .handOver: fail("\(name(n)) gives a connection away, and is no pair")
    case .measure(let id): measure(n, id)
    case .lookAtLinks: answer(n, .didLookAtLinks(linkView(n)))
    case .report(let notice): observe(n, notice)
    case .finish(let outcome): finish(n, outcome)
    }
  }

  mutating func answer(_ n: Int, _ event: Event) {
    let instant = Instant(nanoseconds: now)
    nodes[n].session.handle(event, control: Span(), at: instant)
  }

  private func geometry(_ n: Int) -> Geometry {
    nodes[n].geometry ?? Geometry(frameByteCount: 4096, memoryByteCount: 1 << 20)
  }

  /// Where a slot's payload starts in the arena; the header stands right before it.
  func slotStart(_ n: Int, _ slot: SlotID) -> Int {
    slot.index * (slotByteCount(geometry(n)) + Self.headroom) + Self.headroom
  }

  /// Payload bytes that a slot really has.
  private func slotByteCount(_ geometry: Geometry) -> Int {
    plan.isHollow ? 0 : geometry.frameByteCount
  }

  /// The world keeps only what the header needs of each slot's headroom.
  private static let headroom = FrameHeader.byteCount

  private mutating func configure(_ n: Int, _ geometry: Geometry) {
    guard nodes[n].geometry == nil else { return fail("\(name(n)) cuts its memory twice") }
    let options = plan.options(for: nodes[n].role)
    if geometry.slotCount * geometry.stride > options.memoryByteCount {
      fail("\(name(n)) wants \(geometry.slotCount) slots, more than its memory")
    }
    nodes[n].geometry = geometry
    nodes[n].uses = Array(repeating: Node.SlotUse(), count: geometry.slotCount)
    let byteCount = geometry.slotCount * (slotByteCount(geometry) + Self.headroom)
    nodes[n].arena = Array(repeating: 0, count: byteCount)
  }

  private mutating func seal(_ n: Int, _ slot: SlotID, _ header: FrameHeader, _ seed: UInt64) {
    let use = nodes[n].uses[slot.index]
    guard use.readers == 0, use.writers == 0 else {
      return fail("\(name(n)) writes a header into slot \(slot.index), which the kernel uses")
    }
    if header.kind == .hole, header.detail == FrameHeader.Zeros.allocated.rawValue {
      marks.reach(.zeroFrame)
    }
    var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    var span = bytes.mutableSpan
    header.encode(into: &span, seed: seed)
    let end = slotStart(n, slot)
    nodes[n].arena.replaceSubrange((end - FrameHeader.byteCount)..<end, with: bytes)
  }

  private mutating func isWritable(_ n: Int, _ id: ConnectionID) -> Bool {
    guard id.index < nodes[n].places.count, nodes[n].places[id.index].isOpen else {
      fail("\(name(n)) has a message for connection \(id.index), which is not open")
      return false
    }
    if nodes[n].places[id.index].sendCount > 0 {
      fail("\(name(n)) overwrites a message that is being sent on connection \(id.index)")
    }
    return failure == nil
  }

  private mutating func measure(_ n: Int, _ id: ConnectionID) {
    guard id.index < nodes[n].places.count, nodes[n].places[id.index].isOpen else {
      return fail("\(name(n)) measures connection \(id.index), which is not open")
    }
    let place = nodes[n].places[id.index]
    let c = place.connection
    let out = connections[c].directions[place.side]
    let back = connections[c].directions[1 - place.side]
    let side = connections[c].sides[place.side]
    // Window probes and delayed segments are answered as long as both ways work.
    let silence =
      isPathUpBothWays(c)
      ? min(now - side.lastAnswer, 200_000_000) : now - side.lastAnswer
    let isWaiting = out.acceptedCount > out.acknowledgedCount && side.error == nil
    let measurement = Measurement(
      acknowledgedByteCount: UInt64(out.acknowledgedCount),
      receivedByteCount: UInt64(back.arrivedCount),
      isAwaitingAnswer: isWaiting,
      sinceLastAnswer: .nanoseconds(isWaiting ? silence : 0),
      roundTrip: .nanoseconds(wires.map { $0.topology.delay * 2 } ?? 0)
    )
    answer(n, .measured(id, wires == nil && random.chance(0.01) ? nil : measurement))
  }

  private mutating func finish(_ n: Int, _ outcome: Outcome) {
    nodes[n].outcome = outcome
    note(3, n, "\(name(n)) ends: \(outcome)")
    observeEnd(n, outcome)
    leave(n)
  }

  /// What a process leaves behind is closed by its kernel.
  mutating func leave(_ n: Int) {
    nodes[n].isRunning = false
    nodes[n].endedAt = now
    // A process that never had a session waits for one until its user ends it.
    after(Self.patience, .interrupt(node: 1 - n))
    for index in nodes[n].places.indices where nodes[n].places[index].connection >= 0 {
      let place = nodes[n].places[index]
      connections[place.connection].sides[place.side].send = nil
      connections[place.connection].sides[place.side].receive = nil
      closeSocket(place.connection, place.side, isReset: false)
      nodes[n].places[index].connection = -1
    }
    if n == listener {
      for c in nodes[n].backlog { abortSocket(c, 1) }
      nodes[n].backlog = []
    }
    input.forget(n)
    output.forget(n)
  }
}

/// The name of a process in the trace and in sentences.
func name(_ n: Int) -> String { n == 0 ? "sender" : n == 1 ? "receiver" : "stranger" }

/// What stands for XXH3-64 in the virtual world: the core never looks into it.
enum Checksum {
  /// A sum over the bytes in which every byte and its place counts.
  static func of(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
    let span = bytes.span
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 &+ UInt64(range.count)
    // A plain loop: an iterator costs a debug build more than all the rest.
    var index = range.lowerBound
    while index < range.upperBound {
      hash = (hash ^ UInt64(truncatingIfNeeded: span[index])) &* 0x0000_0100_0000_01B3
      index &+= 1
    }
    return SplitMix64.mix(hash)
  }
}
