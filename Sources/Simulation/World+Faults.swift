import Transfer

// What goes wrong, and how it is healed.
extension World {
  mutating func apply(_ fault: Fault) {
    // What comes after the healing would have no end; a session may be ended at any time.
    switch fault {
    case .kill, .interrupt, .consumerGoes: break
    default: if isHealed { return }
    }
    note(20, 0, "FAULT \(fault)")
    switch fault {
    case .resetOne:
      if let c = someConnection() { reset(c) }
    case .resetAll:
      for c in liveConnections { reset(c) }
    case .resetLink(let link):
      for c in liveConnections where connections[c].link == link { reset(c) }
    case .silenceOne:
      if let c = someConnection() { silence(c, [0, 1]) }
    case .silenceOneWay:
      if let c = someConnection() { silence(c, [random.int(0...1)]) }
    case .linkDown(let link, let duration):
      takeDown(link, hosts: [0, 1], for: duration)
    case .linkDownOneWay(let link, let host, let duration):
      takeDown(link, hosts: [host], for: duration)
    case .allLinksDown(let duration):
      for link in links.indices { takeDown(link, hosts: [0, 1], for: duration) }
    case .freeze(let n, let duration):
      marks.reach(.frozen)
      nodes[n].frozenUntil = max(nodes[n].frozenUntil, now + duration)
    case .kill(let n): kill(n)
    case .interrupt(let n): interrupt(n)
    case .stallInput(let duration):
      marks.reach(.inputStall)
      input.readyAt = max(input.readyAt, now + duration)
      after(duration, .endpoint(node: 0))
    case .stallOutput(let duration):
      marks.reach(.outputStall)
      output.readyAt = max(output.readyAt, now + duration)
      after(duration, .endpoint(node: 1))
    case .consumerGoes:
      if nodes[1].isRunning { consumerGoes() }
    }
  }

  /// Connections that both processes hold, in the order in which they came about.
  private var liveConnections: [Int] {
    connections.indices.filter { c in
      connections[c].isEstablished && connections[c].sides.allSatisfy { $0.state == .open }
        && connections[c].sides.allSatisfy { $0.owner == 0 || $0.owner == 1 }
    }
  }

  private mutating func someConnection() -> Int? {
    let live = liveConnections
    return live.isEmpty ? nil : random.pick(live)
  }

  /// Somebody on the way, or at one of the hosts, resets a connection.
  private mutating func reset(_ c: Int) {
    ledger.noteTrouble(until: now)
    let first = random.int(0...1)
    resetArrived(c, first, error: random.chance(0.2) ? .timedOut : .reset)
    if isPathUp(c, first) { resetArrived(c, 1 - first, error: .reset) }
  }

  private mutating func silence(_ c: Int, _ directions: [Int]) {
    marks.reach(directions.count == 2 ? .silentDeath : .oneWayDeath)
    ledger.noteTrouble(until: now)
    for d in directions { connections[c].directions[d].isDead = true }
  }

  private mutating func takeDown(_ link: Int, hosts: [Int], for duration: Int64) {
    marks.reach(hosts.count == 2 ? .linkDown : .linkDownOneWay)
    for host in hosts {
      links[link].downUntil[host] = max(links[link].downUntil[host], now + duration)
    }
    ledger.noteTrouble(until: now + duration)
    after(duration, .linkReturns(link))
  }

  mutating func linkReturned(_ link: Int) {
    guard links[link].downUntil.allSatisfy({ now >= $0 }) else { return }
    note(21, link, "link \(link) is back")
    for c in connections.indices where connections[c].link == link && connections[c].isEstablished {
      for d in 0...1 {
        // TCP notices at its next retransmission.
        after(
          Int64(random.magnitude(200_000...800_000_000)),
          .transmit(connection: c, direction: d)
        )
        if connections[c].directions[d].arrivedCount
          > connections[c].directions[d].acknowledgedCount,
          connections[c].sides[d].state != .gone
        {
          acknowledge(c, d)
        }
      }
    }
  }

  private mutating func kill(_ n: Int) {
    guard nodes[n].isRunning else { return }
    marks.reach(.killed)
    ledger.excuse("a process died")
    nodes[n].isAlive = false
    leave(n)
  }

  mutating func interrupt(_ n: Int) {
    guard nodes[n].isRunning else { return }
    marks.reach(.interrupted)
    ledger.excuse("a signal came")
    becameReady(n, Completion(event: .interrupted(signal: 2)))
  }

  /// From here on nothing new goes wrong, and what was wrong is right again but what is dead.
  mutating func heal() {
    note(22, 0, "everything heals")
    isHealed = true
    for link in links.indices {
      links[link].downUntil = [0, 0]
      linkReturned(link)
    }
    for c in connections.indices { connections[c].rate = links[connections[c].link].rate }
    for n in nodes.indices where nodes[n].frozenUntil > now {
      nodes[n].frozenUntil = now
      if nodes[n].isRunning { wake(n, after: 1) }
    }
    input.readyAt = min(input.readyAt, now)
    output.readyAt = min(output.readyAt, now)
    endpointReady(0)
    endpointReady(1)
  }

  /// Flips one bit of what was just sent, now and then.
  mutating func corrupt(_ c: Int, _ d: Int, newest byteCount: Int) {
    let isGreeting = connections[c].directions[d].acceptedCount == byteCount
    let isForeign = plan.isForeign && d == 1 && isGreeting
    guard isForeign || !isHealed && random.chance(plan.corruption) else { return }
    let back = isForeign ? byteCount : random.int(1...byteCount)
    let place = connections[c].directions[d].acceptedCount - back
    note(23, place, "connection \(c), direction \(d): a bit of byte \(place) flips")
    marks.reach(.corruption)
    ledger.noteTrouble(until: now)
    // Magic, version and proof are what a greeting's check value cannot cover.
    if place < 256 { ledger.isGreetingDamaged = true }
    connections[c].directions[d].bytes.flip(
      at: connections[c].directions[d].bytes.count - back,
      with: 1 << UInt8(random.int(0...7))
    )
  }
}
