import Transfer

// TCP as far as the core can tell it from the real one: buffers, windows, rates, losses, resets.
extension World {
  /// Whether what one side sends reaches the other now.
  func isPathUp(_ c: Int, _ direction: Int) -> Bool {
    let connection = connections[c]
    guard !connection.directions[direction].isDead else { return false }
    let host = direction == 0 ? 1 - listener : listener
    return now >= links[connection.link].downUntil[host]
  }

  func isPathUpBothWays(_ c: Int) -> Bool { isPathUp(c, 0) && isPathUp(c, 1) }

  // MARK: Segments

  /// Puts the next segment on the wire, if there is one, room for it and a wire.
  mutating func transmit(_ c: Int, _ d: Int) {
    if wires != nil { return transmitOverWires(c, d) }
    let flow = connections[c].directions[d]
    guard !flow.isBusy, connections[c].isEstablished, connections[c].sides[d].state != .gone,
      isPathUp(c, d)
    else { return }
    let unsent = flow.acceptedCount - flow.sentCount
    if unsent == 0 {
      guard flow.isFinished, !flow.finSent else { return }
      connections[c].directions[d].finSent = true
      return fly(c, d, byteCount: 0)
    }
    let room = plan.receiveBuffer - (flow.sentCount - flow.readCount)
    let byteCount = min(unsent, room, plan.segment)
    guard byteCount > 0 else {
      // A probe of the closed window finds that nobody is there.
      if connections[c].sides[1 - d].state == .gone { sendReset(c, from: 1 - d) }
      return
    }
    connections[c].directions[d].isBusy = true
    connections[c].directions[d].sentCount += byteCount
    after(
      Int64(byteCount) * 1_000_000_000 / Int64(connections[c].rate),
      .segmentLeft(connection: c, direction: d, byteCount: byteCount, epoch: flow.epoch)
    )
  }

  private mutating func fly(_ c: Int, _ d: Int, byteCount: Int) {
    let jitter = Int64(random.int(0...(1 + plan.jitter)))
    let arrival = max(
      now + connections[c].latency + jitter,
      connections[c].directions[d].lastArrival + 1
    )
    connections[c].directions[d].lastArrival = arrival
    queue.add(
      .segmentArrived(
        connection: c,
        direction: d,
        byteCount: byteCount,
        epoch: connections[c].directions[d].epoch
      ),
      at: arrival
    )
  }

  mutating func segmentLeft(_ c: Int, _ d: Int, _ byteCount: Int, _ epoch: Int) {
    if wires != nil { return leaveWire(c, d, byteCount, epoch) }
    connections[c].directions[d].isBusy = false
    if epoch == connections[c].directions[d].epoch { fly(c, d, byteCount: byteCount) }
    transmit(c, d)
  }

  mutating func segmentArrived(_ c: Int, _ d: Int, _ byteCount: Int, _ epoch: Int) {
    guard epoch == connections[c].directions[d].epoch else { return }
    guard isPathUp(c, d) else { return loseSegment(c, d) }
    let reader = 1 - d
    switch connections[c].sides[reader].state {
    case .gone:
      sendReset(c, from: reader)
      return loseSegment(c, d)
    case .closed where byteCount > 0:
      // Data for a closed socket: what it still had to say is lost as well.
      abortSocket(c, reader)
      return loseSegment(c, d)
    case .open where connections[c].sides[reader].error != nil:
      sendReset(c, from: reader)
      return loseSegment(c, d)
    case .none, .open, .closed:
      break
    }
    connections[c].directions[d].arrivedCount += byteCount
    if byteCount == 0 { connections[c].directions[d].finArrived = true }
    if wires != nil { arriveOverWire(c, d, byteCount) } else { acknowledge(c, d) }
    serviceReceive(c, reader)
  }

  /// Lost with everything behind it; sent again from here after a while, or when the path is back.
  private mutating func loseSegment(_ c: Int, _ d: Int) {
    connections[c].directions[d].epoch += 1
    guard connections[c].sides[d].state != .gone else { return }
    connections[c].directions[d].sentCount = connections[c].directions[d].arrivedCount
    connections[c].directions[d].finSent = connections[c].directions[d].finArrived
    if isPathUp(c, d) { after(Self.retransmitAfter, .transmit(connection: c, direction: d)) }
  }

  /// TCP's least timeout before it sends again, in nanoseconds.
  private static let retransmitAfter: Int64 = 200_000_000

  /// Tells the sender's TCP what has arrived, if the way back works.
  mutating func acknowledge(_ c: Int, _ d: Int, upTo count: Int? = nil) {
    guard isPathUp(c, 1 - d) else { return }
    connections[c].directions[d].acknowledgedCount =
      count ?? connections[c].directions[d].arrivedCount
    connections[c].sides[d].lastAnswer = now
    let flow = connections[c].directions[d]
    releasePinned(c, d, isAborted: false)
    if connections[c].sides[d].state == .closed, flow.finArrived,
      flow.acknowledgedCount == flow.acceptedCount
    {
      connections[c].sides[d].state = .gone
      return
    }
    serviceSend(c, d)
  }

  // MARK: Operations

  /// Moves what fits from the sending process to its socket.
  mutating func serviceSend(_ c: Int, _ side: Int) {
    guard let operation = connections[c].sides[side].send else { return }
    if let error = connections[c].sides[side].error {
      endSend(c, side, error: error)
      // The first operation hears of the reset; those after it find a broken pipe.
      if error == .reset { connections[c].sides[side].error = .brokenPipe }
      return
    }
    let flow = connections[c].directions[side]
    // Where links are shared, only what waits for the window counts, as under TCP_NOTSENT_LOWAT.
    let left = wires == nil ? flow.acknowledgedCount : flow.sentCount
    let room = plan.sendBuffer - (flow.acceptedCount - left)
    var byteCount = min(operation.remaining, room)
    guard byteCount > 0 else { return }
    let isShort = random.chance(plan.shortSend)
    if isShort { byteCount = random.int(1...byteCount) }
    let owner = connections[c].sides[side].owner
    accept(c, side, byteCount: byteCount, operation, node: owner)
    connections[c].sides[side].send?.progress += byteCount
    if operation.remaining == byteCount {
      endSend(c, side, error: nil)
    } else if isShort {
      marks.reach(.shortSend)
      endSend(c, side, error: nil)
    }
    transmit(c, side)
  }

  private mutating func accept(
    _ c: Int,
    _ side: Int,
    byteCount: Int,
    _ operation: SocketOperation,
    node: Int
  ) {
    switch operation.region {
    case .control(let range):
      let from = range.lowerBound + operation.progress
      let place = connections[c].sides[side].place
      connections[c].directions[side].bytes.append(
        nodes[node].places[place].outgoing[from..<(from + byteCount)]
      )
    case .slot(let slot, let range):
      var from = slotStart(node, slot) + range.lowerBound + operation.progress
      var end = from + byteCount
      // Of a frame without bytes only the header travels.
      let limit = plan.isHollow ? slotStart(node, slot) : .max
      (from, end) = (min(from, limit), min(end, limit))
      connections[c].directions[side].bytes.append(nodes[node].arena[from..<end])
    case .discard:
      fail("a send of nothing")
    }
    connections[c].directions[side].acceptedCount += byteCount
    record(c, side, newest: byteCount)
    corrupt(c, side, newest: byteCount)
  }

  /// Ends the present send: with an error if nothing was accepted, else with what was.
  mutating func endSend(_ c: Int, _ side: Int, error: Failure.Kind?) {
    guard let operation = connections[c].sides[side].send else { return }
    connections[c].sides[side].send = nil
    let owner = connections[c].sides[side].owner
    let id = ConnectionID(connections[c].sides[side].place)
    var result = Event.Result.done(operation.progress)
    if operation.progress == 0, let error { result = .failed(Failure(error)) }
    var slot: SlotID?
    if case .slot(let used, _) = operation.region { slot = used }
    if operation.isZeroCopy, let pinned = slot {
      connections[c].sides[side].pinned.append(
        (operation.token, pinned, connections[c].directions[side].acceptedCount)
      )
      slot = nil
    }
    complete(
      owner,
      Completion(
        event: .completed(operation.token, result, releaseFollows: operation.isZeroCopy),
        ends: .send(id),
        slot: slot
      )
    )
    if operation.isZeroCopy {
      releasePinned(c, side, isAborted: connections[c].sides[side].error != nil)
    }
  }

  /// Gives the notifications of zero-copy sends whose bytes are acknowledged, or thrown away.
  mutating func releasePinned(_ c: Int, _ side: Int, isAborted: Bool) {
    let known = connections[c].directions[side].acknowledgedCount
    while let first = connections[c].sides[side].pinned.first, isAborted || first.until <= known {
      connections[c].sides[side].pinned.removeFirst()
      let wasCopied = random.chance(plan.zeroCopyCopied)
      var delay = Int64(random.int(2000...20_000))
      if random.chance(plan.lateNotification) {
        delay += Int64(random.magnitude(100_000...3_000_000_000))
        marks.reach(.lateNotification)
      }
      let completion = Completion(
        event: .released(first.token, wasCopied: wasCopied),
        slot: first.slot
      )
      if wasCopied { marks.reach(.zeroCopyCopied) }
      after(delay, .ready(node: connections[c].sides[side].owner, completion))
    }
  }

  /// Moves what has arrived from the socket to the receiving process.
  mutating func serviceReceive(_ c: Int, _ side: Int) {
    if connections[c].sides[side].owner == 2 { return strangerReads(c, side) }
    guard let operation = connections[c].sides[side].receive else { return }
    let d = 1 - side
    var byteCount = min(
      operation.remaining,
      connections[c].directions[d].arrivedCount - connections[c].directions[d].readCount
    )
    if byteCount > 0 {
      let isShort = random.chance(plan.shortReceive)
      if isShort { byteCount = random.int(1...byteCount) }
      take(c, side, byteCount: byteCount, operation)
      connections[c].sides[side].receive?.progress += byteCount
      transmit(c, d)
      if isShort, operation.remaining > byteCount {
        marks.reach(.shortReceive)
        return endReceive(c, side, error: nil)
      }
      if operation.remaining == byteCount { return endReceive(c, side, error: nil) }
      if connections[c].directions[d].arrivedCount > connections[c].directions[d].readCount {
        return
      }
    }
    if let error = connections[c].sides[side].error {
      endReceive(c, side, error: error)
      if operation.progress + byteCount == 0 { connections[c].sides[side].error = .brokenPipe }
    } else if connections[c].directions[d].finArrived {
      endReceive(c, side, error: nil)
    }
  }

  private mutating func take(_ c: Int, _ side: Int, byteCount: Int, _ operation: SocketOperation) {
    let node = connections[c].sides[side].owner
    switch operation.region {
    case .control(let range):
      let from = range.lowerBound + operation.progress
      nodes[node].places[connections[c].sides[side].place].incoming.replaceSubrange(
        from..<(from + byteCount),
        with: connections[c].directions[1 - side].bytes.first(byteCount)
      )
    case .slot where plan.isHollow:
      break
    case .slot(let slot, let range):
      let from = slotStart(node, slot) + range.lowerBound + operation.progress
      nodes[node].arena.replaceSubrange(
        from..<(from + byteCount),
        with: connections[c].directions[1 - side].bytes.first(byteCount)
      )
    case .discard:
      break
    }
    if !plan.isHollow || operation.isOfBytes {
      connections[c].directions[1 - side].bytes.drop(byteCount)
    }
    connections[c].directions[1 - side].readCount += byteCount
  }

  /// Ends the present receive with what it has; with the error, or as the end, if it has nothing.
  mutating func endReceive(_ c: Int, _ side: Int, error: Failure.Kind?) {
    guard let operation = connections[c].sides[side].receive else { return }
    connections[c].sides[side].receive = nil
    var result = Event.Result.done(operation.progress)
    if operation.progress == 0, let error {
      // Reading after a reset that somebody heard of already finds the end of the stream.
      result = error == .brokenPipe ? .done(0) : .failed(Failure(error))
    }
    var slot: SlotID?
    if case .slot(let used, _) = operation.region { slot = used }
    complete(
      connections[c].sides[side].owner,
      Completion(
        event: .completed(operation.token, result, releaseFollows: false),
        ends: .receive(ConnectionID(connections[c].sides[side].place)),
        slot: slot
      )
    )
  }

  // MARK: Ends

  /// Closes one side as close(2) does: with a reset if anything is unread.
  mutating func closeSocket(_ c: Int, _ side: Int, isReset: Bool) {
    guard connections[c].sides[side].state == .open else { return }
    let incoming = connections[c].directions[1 - side]
    if isReset || incoming.arrivedCount > incoming.readCount {
      return abortSocket(c, side)
    }
    connections[c].sides[side].state = .closed
    connections[c].directions[side].isFinished = true
    transmit(c, side)
  }

  /// Throws everything away and tells the other side.
  mutating func abortSocket(_ c: Int, _ side: Int) {
    guard connections[c].sides[side].state != .gone else { return }
    connections[c].sides[side].state = .gone
    purge(c, side)
    releasePinned(c, side, isAborted: true)
    sendReset(c, from: side)
  }

  /// Throws away what has not been sent; what is on the wire still arrives and can be read.
  private mutating func purge(_ c: Int, _ d: Int) {
    let flow = connections[c].directions[d]
    if !plan.isHollow {
      connections[c].directions[d].bytes.truncate(to: flow.sentCount - flow.readCount)
    }
    connections[c].directions[d].acceptedCount = flow.sentCount
  }

  mutating func sendReset(_ c: Int, from side: Int) {
    guard isPathUp(c, side) else { return }
    note(14, c, "connection \(c): side \(side) resets")
    let arrival = max(now + connections[c].latency, connections[c].directions[side].lastArrival + 1)
    queue.add(.resetArrived(connection: c, side: 1 - side), at: arrival)
  }

  /// A reset, or the kernel's own decision, ends a socket; what has arrived can still be read.
  mutating func resetArrived(_ c: Int, _ side: Int, error: Failure.Kind) {
    switch connections[c].sides[side].state {
    case .gone, .none:
      return
    case .closed:
      connections[c].sides[side].state = .gone
      releasePinned(c, side, isAborted: true)
    case .open:
      guard connections[c].sides[side].error == nil else { return }
      note(12, c, "connection \(c): \(error) at side \(side)")
      marks.reach(.reset)
      noteRejection(connections[c].sides[side].owner)
      connections[c].sides[side].error = error
      purge(c, side)
      // One of both hears of it first.
      if random.chance(0.5) {
        serviceSend(c, side)
        serviceReceive(c, side)
      } else {
        serviceReceive(c, side)
        serviceSend(c, side)
      }
      releasePinned(c, side, isAborted: true)
    }
  }
}
