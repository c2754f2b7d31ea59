import Transfer
import Wire

// Submitting, cancelling, connecting, accepting, stopping, closing.
extension World {
  mutating func submit(_ n: Int, _ token: OperationToken, _ operation: Operation) {
    switch operation {
    case .connect(let id, let target, let link): connect(n, token, id, target: target, link: link)
    case .accept(let id): accept(n, token, id)
    case .send(let id, let region, let zeroCopy): send(n, token, id, region, zeroCopy: zeroCopy)
    case .receive(let id, let region): receive(n, token, id, region)
    case .read(let slot, let range, let offset): read(n, token, slot, range, at: offset)
    case .write(let slot, let range, let offset): write(n, token, slot, range, at: offset)
    case .writeZeros(let byteCount): writeZeros(n, token, byteCount)
    case .clear(let offset, let byteCount, let isAllocated):
      clear(n, token, at: offset, byteCount, isAllocated: isAllocated)
    case .writeJournal(let journal): writeJournal(n, token, journal)
    case .flush(let offset): flush(n, token, below: offset)
    case .watchOutput: watchOutput(n, token)
    case .awaitCommand: awaitCommand(n, token)
    case .synchronize: synchronize(n, token)
    case .publish: publish(n, token)
    }
  }

  /// The core cancels reads of the input, and receives whose frame has come another way; a token that
  /// has completed is no longer known to the kernel.
  mutating func cancel(_ n: Int, _ token: OperationToken) {
    guard nodes[n].role == .sender else { return cancelReceive(n, token) }
    guard let read = input.pending.first(where: { $0.token == token }) else { return }
    marks.reach(.partialFrame)
    // The cancellation and the data race in the kernel.
    if random.chance(0.1) { return }
    endRead(read, .failed(Failure(.cancelled)))
  }

  private mutating func cancelReceive(_ n: Int, _ token: OperationToken) {
    for place in nodes[n].places where place.connection >= 0 {
      let side = connections[place.connection].sides[place.side]
      guard side.owner == n, side.receive?.token == token else { continue }
      marks.reach(.receiveCancelled)
      if random.chance(0.1) { return }
      return endReceive(place.connection, place.side, error: .cancelled)
    }
  }

  private mutating func makePlace(_ n: Int, _ id: ConnectionID) -> Bool {
    while nodes[n].places.count <= id.index { nodes[n].places.append(Node.Place()) }
    guard id.index < Limits.connectionTableSize else {
      fail("\(name(n)) uses place \(id.index) of a smaller table")
      return false
    }
    guard !nodes[n].places[id.index].isOpen, nodes[n].places[id.index].connectCount == 0 else {
      fail("\(name(n)) uses place \(id.index) twice")
      return false
    }
    nodes[n].places[id.index].connection = -1
    nodes[n].places[id.index].isStopped = false
    nodes[n].places[id.index].connectCount = 1
    return true
  }

  // MARK: Connecting

  private mutating func connect(
    _ n: Int,
    _ token: OperationToken,
    _ id: ConnectionID,
    target: Int,
    link: Int?
  ) {
    guard makePlace(n, id) else { return }
    nodes[n].places[id.index].isOpen = true
    if random.chance(plan.connectFailure), !isHealed {
      marks.reach(.connectFailure)
      noteRejection(n)
      ledger.noteTrouble(until: now)
      let kind = random.pick([Failure.Kind.refused, .unreachable, .timedOut, .addressInUse, .other])
      return complete(
        n,
        Completion(
          event: .completed(token, .failed(Failure(kind)), releaseFollows: false),
          ends: .connect(id)
        )
      )
    }
    let c = newConnection()
    connections[c].crossing = crossing(asked: link)
    connections[c].connect = (n, token, id)
    connections[c].sides[0].state = .open
    connections[c].sides[0].owner = n
    connections[c].sides[0].place = id.index
    nodes[n].places[id.index].connection = c
    nodes[n].places[id.index].side = 0
    var delay = connections[c].latency
    if random.chance(plan.connectSlow), !isHealed {
      marks.reach(.connectSlow)
      delay += Int64(random.magnitude(10_000_000...6_000_000_000))
      ledger.noteTrouble(until: now + delay)
    }
    // A target that does not answer at all, until the plan heals.
    if plan.deadTargets.contains(target), !isHealed {
      marks.reach(.deadTarget)
      ledger.noteTrouble(until: now)
      return
    }
    after(delay, .knock(connection: c, attempt: 0))
  }

  /// A connection over a link that chance picks, as a hash would.
  mutating func newConnection() -> Int {
    let link = random.int(0...(links.count - 1))
    connections.append(
      VirtualConnection(link: link, rate: links[link].rate, latency: links[link].latency)
    )
    if random.chance(plan.slowConnection), !isHealed {
      marks.reach(.slowConnection)
      connections[connections.count - 1].rate = max(links[link].rate / 100, 2000)
    }
    return connections.count - 1
  }

  /// A SYN at the listener's host.
  mutating func knock(_ c: Int, _ attempt: Int) {
    guard connections[c].sides[0].state == .open, !connections[c].isEstablished else { return }
    let isHeard = isPathUpBothWays(c)
    if isHeard, !nodes[listener].isRunning {
      marks.reach(.refusedByHost)
      return after(connections[c].latency, .resetArrived(connection: c, side: 0))
    }
    if isHeard, nodes[listener].backlog.count < plan.backlog {
      connections[c].isEstablished = true
      connections[c].sides[1].state = .open
      connections[c].sides[1].lastAnswer = now
      nodes[listener].backlog.append(c)
      after(connections[c].latency, .established(connection: c))
      return serveAccept()
    }
    if isHeard { marks.reach(.backlogFull) }
    ledger.noteTrouble(until: now)
    // SYNs go out after 0, 1, 3 and 7 s; the kernel gives up long after we do.
    guard attempt < 6 else { return }
    after(1_000_000_000 << Int64(attempt), .knock(connection: c, attempt: attempt + 1))
  }

  mutating func established(_ c: Int) {
    connections[c].sides[0].lastAnswer = now
    if connections[c].sides[0].owner == 2 { return strangerConnected(c) }
    guard let (n, token, id) = connections[c].connect else { return }
    connections[c].connect = nil
    complete(
      n,
      Completion(
        event: .completed(token, .done(0), releaseFollows: false),
        ends: .connect(id)
      )
    )
  }

  /// A reset before the connection stands: nobody listens.
  mutating func refuseConnect(_ c: Int) {
    guard let (n, token, id) = connections[c].connect else { return }
    noteRejection(n)
    connections[c].connect = nil
    connections[c].sides[0].state = .gone
    complete(
      n,
      Completion(
        event: .completed(token, .failed(Failure(.refused)), releaseFollows: false),
        ends: .connect(id)
      )
    )
  }

  // MARK: Accepting

  private mutating func accept(_ n: Int, _ token: OperationToken, _ id: ConnectionID) {
    guard n == listener else { return fail("\(name(n)) accepts, but does not listen") }
    guard nodes[n].accept == nil else { return fail("\(name(n)) has two accepts in flight") }
    guard makePlace(n, id) else { return }
    nodes[n].accept = (token, id)
    serveAccept()
  }

  private mutating func serveAccept() {
    let n = listener
    guard let (token, id) = nodes[n].accept, !nodes[n].backlog.isEmpty else { return }
    nodes[n].accept = nil
    var result = Event.Result.done(0)
    if random.chance(plan.acceptFailure), !isHealed {
      marks.reach(.acceptFailure)
      ledger.noteTrouble(until: now)
      result = .failed(Failure(.other))
    } else {
      let c = nodes[n].backlog.removeFirst()
      connections[c].sides[1].owner = n
      connections[c].sides[1].place = id.index
      nodes[n].places[id.index].connection = c
      nodes[n].places[id.index].side = 1
      nodes[n].places[id.index].isOpen = true
    }
    complete(
      n,
      Completion(event: .completed(token, result, releaseFollows: false), ends: .connect(id))
    )
  }

  // MARK: Sending and receiving

  private mutating func openSide(_ n: Int, _ id: ConnectionID, _ what: String) -> (Int, Int)? {
    guard id.index < nodes[n].places.count else {
      fail("\(name(n)): \(what) on connection \(id.index), which never was")
      return nil
    }
    let place = nodes[n].places[id.index]
    guard place.isOpen, !place.isStopped, place.connectCount == 0, place.connection >= 0 else {
      fail("\(name(n)): \(what) on connection \(id.index), which is not open")
      return nil
    }
    return (place.connection, place.side)
  }

  private mutating func send(
    _ n: Int,
    _ token: OperationToken,
    _ id: ConnectionID,
    _ region: Region,
    zeroCopy: Bool
  ) {
    guard let (c, side) = openSide(n, id, "a send") else { return }
    guard nodes[n].places[id.index].sendCount == 0 else {
      return fail("\(name(n)): two sends in flight on connection \(id.index)")
    }
    guard region.byteCount > 0 else { return fail("\(name(n)) sends nothing") }
    nodes[n].places[id.index].sendCount = 1
    var operation = SocketOperation(token: token, region: region)
    if case .slot(let slot, _) = region {
      guard nodes[n].uses[slot.index].writers == 0 else {
        return fail("\(name(n)) sends slot \(slot.index), which the kernel is filling")
      }
      nodes[n].uses[slot.index].readers += 1
      operation.isZeroCopy = zeroCopy
    }
    if zeroCopy {
      marks.reach(.zeroCopy)
      if random.chance(plan.zeroCopyRefused) { return refuseZeroCopy(c, side, operation) }
    }
    checkPace(n, region)
    connections[c].sides[side].send = operation
    serviceSend(c, side)
  }

  /// The kernel has no buffers for it, or cannot do it; some failures have a notification too.
  private mutating func refuseZeroCopy(_ c: Int, _ side: Int, _ operation: SocketOperation) {
    marks.reach(.zeroCopyRefused)
    let n = connections[c].sides[side].owner
    guard case .slot(let slot, _) = operation.region else { return }
    let isFollowed = random.chance(0.5)
    let failure = Failure(random.chance(0.5) ? .noBuffers : .notSupported)
    complete(
      n,
      Completion(
        event: .completed(operation.token, .failed(failure), releaseFollows: isFollowed),
        ends: .send(ConnectionID(connections[c].sides[side].place)),
        slot: isFollowed ? nil : slot
      )
    )
    guard isFollowed else { return }
    after(
      20_000_000 + Int64(random.magnitude(1000...100_000_000)),
      .ready(
        node: n,
        Completion(event: .released(operation.token, wasCopied: false), slot: slot)
      )
    )
  }

  private mutating func receive(
    _ n: Int,
    _ token: OperationToken,
    _ id: ConnectionID,
    _ region: Region
  ) {
    guard let (c, side) = openSide(n, id, "a receive") else { return }
    guard nodes[n].places[id.index].receiveCount == 0 else {
      return fail("\(name(n)): two receives in flight on connection \(id.index)")
    }
    guard region.byteCount > 0 else { return fail("\(name(n)) receives nothing") }
    nodes[n].places[id.index].receiveCount = 1
    if case .slot(let slot, let range) = region {
      guard range.lowerBound >= 0, range.upperBound <= nodes[n].geometry?.frameByteCount ?? 0 else {
        return fail("\(name(n)) receives beyond slot \(slot.index)")
      }
      guard nodes[n].uses[slot.index].writers == 0, nodes[n].uses[slot.index].readers == 0 else {
        return fail("\(name(n)) receives into slot \(slot.index), which the kernel uses")
      }
      nodes[n].uses[slot.index].writers += 1
    }
    connections[c].sides[side].receive = SocketOperation(token: token, region: region)
    serviceReceive(c, side)
  }

  // MARK: Ending

  mutating func stop(_ n: Int, _ id: ConnectionID) {
    if let accept = nodes[n].accept, accept.id == id {
      nodes[n].accept = nil
      let cancelled = Event.completed(
        accept.token,
        .failed(Failure(.cancelled)),
        releaseFollows: false
      )
      return complete(n, Completion(event: cancelled, ends: .connect(id)))
    }
    guard id.index < nodes[n].places.count else { return fail("\(name(n)) stops nothing") }
    nodes[n].places[id.index].isStopped = true
    let place = nodes[n].places[id.index]
    guard place.connection >= 0 else { return }
    if let connect = connections[place.connection].connect, connect.node == n {
      connections[place.connection].connect = nil
      connections[place.connection].sides[0].state = .gone
      let cancelled = Event.completed(
        connect.token,
        .failed(Failure(.cancelled)),
        releaseFollows: false
      )
      complete(n, Completion(event: cancelled, ends: .connect(id)))
      return
    }
    endSend(place.connection, place.side, error: .cancelled)
    endReceive(place.connection, place.side, error: .cancelled)
  }

  mutating func close(_ n: Int, _ id: ConnectionID, isReset: Bool) {
    guard id.index < nodes[n].places.count, nodes[n].places[id.index].isOpen else {
      return fail("\(name(n)) closes connection \(id.index), which is not open")
    }
    let place = nodes[n].places[id.index]
    guard place.sendCount == 0, place.receiveCount == 0, place.connectCount == 0 else {
      return fail("\(name(n)) closes connection \(id.index) with operations in flight")
    }
    nodes[n].places[id.index].isOpen = false
    nodes[n].places[id.index].connection = -1
    guard place.connection >= 0 else { return }
    if let first = connections[place.connection].sides[place.side].pinned.first {
      _ = first
      marks.reach(.closedWhilePinned)
    }
    closeSocket(place.connection, place.side, isReset: isReset)
  }
}
