import Transfer
import Wire

/// The state of the links of a `Topology`.
struct Wires {
  let topology: Topology
  /// By host, direction (0 out, 1 in) and link.
  var wires: [[[Wire]]]
  /// Bytes that had arrived, and changes of the connections, when everything had settled.
  var settled: (arrived: Int, changes: Int)?
  var changeCount = 0
  var use = TopologyUse()
  /// The input ends with what is read by then.
  var endsAt: Int64 { topology.settling + topology.measured }

  init(_ topology: Topology) {
    self.topology = topology
    wires = topology.rates.map { rates in
      let links = rates.map { Wire(rate: $0, delay: topology.delay) }
      return [links, links]
    }
    let rates = topology.rates.map { $0.map { "\($0 / 125_000)" }.joined(separator: "+") }
    use.text = "\(rates[0]) | \(topology.isSwitched ? rates[1] : "same") Mbit/s, "
    use.text += "\(topology.delay / 1_000_000) ms, \(topology.isAimed ? "aimed" : "blind")"
  }
}

// Links that connections share, in place of a rate for each connection.
extension World {
  /// Picks the links at both ends, as hashes would: here the one that was asked for, if it can be.
  mutating func crossing(asked link: Int?) -> [Int] {
    guard let topology = wires?.topology else { return [] }
    let isAimed = topology.isAimed && plan.senderDials
    let chance = random.int(0...(topology.rates[0].count - 1))
    let here = isAimed ? link ?? chance : chance
    guard topology.isSwitched else { return [here, here] }
    return [here, random.int(0...(topology.rates[1].count - 1))]
  }

  /// The node that a direction of a connection starts from.
  private func origin(_ d: Int) -> Int { d == 0 ? 1 - listener : listener }

  /// Puts on the wire what the windows allow.
  mutating func transmitOverWires(_ c: Int, _ d: Int) {
    let host = origin(d)
    guard connections[c].isEstablished, connections[c].sides[d].state != .gone else { return }
    let link = connections[c].crossing[host]
    var isMoving = false
    while let rate = wires?.wires[host][0][link].rate {
      let flow = connections[c].directions[d]
      // Half a millisecond at a time: slow links are shared finely, fast ones cost few events.
      let quantum = min(max(rate / 2000, 1448), 128 << 10)
      // TCP small queues: a socket has no more waiting in its own host than a millisecond's worth.
      let room = min(
        flow.window.byteCount - (flow.sentCount - flow.acknowledgedCount),
        plan.receiveBuffer - (flow.sentCount - flow.readCount),
        quantum * 2 - flow.queuedCount
      )
      let unsent = flow.acceptedCount - flow.sentCount
      let byteCount = min(unsent, room, quantum)
      // Nothing short while more may come, or there is a segment for every few bytes.
      if byteCount > 0, byteCount < quantum, flow.queuedCount > 0 { break }
      if byteCount <= 0 {
        guard unsent == 0, flow.isFinished, !flow.finSent else { break }
        connections[c].directions[d].finSent = true
      }
      connections[c].directions[d].sentCount += max(byteCount, 0)
      connections[c].directions[d].queuedCount += max(byteCount, 0)
      guard let turn = wires?.wires[host][0][link].take(max(byteCount, 0), at: now) else { return }
      queue.add(
        .segmentLeft(connection: c, direction: d, byteCount: max(byteCount, 0), epoch: flow.epoch),
        at: turn.at
      )
      isMoving = byteCount > 0
      if byteCount <= 0 { break }
    }
    if isMoving { serviceSend(c, d) }
  }

  /// Through the switch, if there is one, to the other host.
  mutating func leaveWire(_ c: Int, _ d: Int, _ byteCount: Int, _ epoch: Int) {
    guard let topology = wires?.topology else { return }
    let (from, to) = (origin(d), 1 - origin(d))
    wires?.wires[from][0][connections[c].crossing[from]].byteCount += UInt64(byteCount)
    connections[c].directions[d].queuedCount -= byteCount
    defer { transmitOverWires(c, d) }
    var at = now
    if topology.isSwitched,
      let turn = wires?.wires[to][1][connections[c].crossing[to]].take(byteCount, at: now)
    {
      at = turn.at
      if turn.isLong { connections[c].directions[d].window.isMarked = true }
    }
    queue.add(
      .segmentArrived(connection: c, direction: d, byteCount: byteCount, epoch: epoch),
      at: at + topology.delay
    )
  }

  /// The acknowledgement of what has arrived goes back.
  mutating func arriveOverWire(_ c: Int, _ d: Int, _ byteCount: Int) {
    let to = 1 - origin(d)
    guard let topology = wires?.topology else { return }
    wires?.wires[to][1][connections[c].crossing[to]].byteCount += UInt64(byteCount)
    let count = connections[c].directions[d].arrivedCount
    after(topology.delay, .acknowledged(connection: c, direction: d, count: count))
  }

  mutating func acknowledgedOverWire(_ c: Int, _ d: Int, _ count: Int) {
    let flow = connections[c].directions[d]
    let host = origin(d)
    guard let wire = wires?.wires[host][0][connections[c].crossing[host]] else { return }
    connections[c].directions[d].window.didAcknowledge(
      count - flow.acknowledgedCount,
      upTo: count,
      sent: flow.sentCount,
      isUsed: (flow.sentCount - flow.acknowledgedCount) * 4 >= flow.window.byteCount * 3,
      step: max(wire.queueLimit / 32, 1448)
    )
    acknowledge(c, d, upTo: count)
    if connections[c].sides[d].state != .gone { transmitOverWires(c, d) }
  }

  /// What a host's links have carried, and the ways over them.
  func linkView(_ n: Int) -> LinkView {
    guard let wires else { return LinkView(links: []) }
    let links = wires.wires[n][0].indices.map { index in
      LinkStatus(
        name: "\(n == 0 ? "a" : "b")\(index + 1)",
        receivedByteCount: wires.wires[n][1][index].byteCount,
        sentByteCount: wires.wires[n][0][index].byteCount,
        bitsPerSecond: UInt64(wires.topology.rates[n][index] * 8),
        connectionCount: 0
      )
    }
    guard n != listener else { return LinkView(links: links) }
    let isAimed = wires.topology.isAimed && plan.senderDials || links.count == 1
    return LinkView(
      links: links,
      lanes: isAimed
        ? links.indices.map { Lane(target: 0, link: $0) } : [Lane(target: 0, link: nil)]
    )
  }

  /// Looks at what has arrived when all has settled, and some time later; what is written comes in
  /// lumps, whenever a late frame lets others through.
  mutating func sample() {
    guard let state = wires else { return }
    let arrived = Int(nodes[1].session.statistics.confirmedByteCount) + partlyArrived
    guard let settled = state.settled else {
      wires?.settled = (arrived, state.changeCount)
      return
    }
    let possible = state.topology.reachable / 1000 * Int(state.topology.measured / 1_000_000) / 1000
    wires?.use.permille = (arrived - settled.arrived) / possible
    wires?.use.changeCount = state.changeCount - settled.changes
    judgeUse()
    endpointReady(0)
  }

  /// Bytes of frames that are here in part: over a slow link one takes long.
  private var partlyArrived: Int {
    connections.reduce(0) { sum, connection in
      guard let receive = connection.sides[listener].receive, case .slot = receive.region else {
        return sum
      }
      return sum + receive.progress
    }
  }

  /// The oracle: in the steady state the slower end's links are full to 95 %, and the connections are
  /// those that they were.
  private mutating func judgeUse() {
    guard let use = wires?.use else { return }
    if use.permille < TopologyUse.permilleLimit {
      fail("only \(use.permille / 10) % of the links are used: \(use.text)")
    }
    if use.changeCount > TopologyUse.changeLimit {
      fail("\(use.changeCount) changes of the connections after settling: \(use.text)")
    }
  }
}
