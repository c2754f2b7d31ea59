import Transfer
import Wire

/// What happened that entitles a session to an end other than success.
struct Ledger {
  /// Faults after which success is not expected of anybody.
  private(set) var excuses: [String] = []
  /// Whether a stranger has joined the session, and broken the protocol.
  var isLiedTo = false
  /// Until when paths or connects were in trouble.
  private(set) var troubleUntil: Int64 = -1_000_000_000_000
  var isGreetingDamaged = false

  mutating func excuse(_ reason: String) {
    if !excuses.contains(reason) { excuses.append(reason) }
  }

  mutating func noteTrouble(until time: Int64) { troubleUntil = max(troubleUntil, time) }
}

extension World {
  /// What must hold after every turn of a process.
  mutating func check(_ n: Int) {
    if nodes[n].session.isLingering, nodes[n].verdictAt == nil { nodes[n].verdictAt = now }
    if nodes[n].session.isHoldingFrame { marks.reach(.heldFrame) }
    if nodes[n].session.isHeldBack { marks.reach(.limited) }
    if nodes[n].session.isWindowClosed { marks.reach(.windowClosed) }
    if nodes[n].session.isSendingTwice { marks.reach(.lateFrame) }
    // In a debug build, looking at every slot after every turn would cost more than all the rest.
    #if DEBUG
    guard nodes[n].turnCount % 16 == 0 else { return }
    #endif
    if wires != nil, nodes[n].turnCount % 256 != 0 { return }
    if let sentence = nodes[n].session.brokenInvariant { fail("\(name(n)): \(sentence)") }
  }

  /// Length of the stream; where it ends by the clock, what was read of it.
  private var inputByteCount: Int { plan.isHollow ? input.offset : input.content.count }

  /// Over no time does the sender begin more payload than its limit lets through, and one bound.
  mutating func checkPace(_ n: Int, _ region: Region) {
    // A send that the kernel refused begins once more.
    guard n == 0, plan.zeroCopyRefused == 0, let limit = plan.rateLimit,
      let frame = nodes[n].geometry?.frameByteCount,
      case .slot(_, let range) = region, range.lowerBound == -FrameHeader.byteCount
    else { return }
    let rate = Double(limit) / 8 / 1_000_000_000
    pace.byteCount = max(pace.byteCount - Double(now - pace.at) * rate, 0)
    pace.byteCount += Double(range.upperBound)
    pace.at = now
    let bound = rate * Double(Limits.paceStep.inNanoseconds) + Double(frame)
    if pace.byteCount > bound + 1 {
      fail("the sender is \(Int(pace.byteCount - bound)) bytes beyond its limit")
    }
  }

  mutating func noteRejection(_ n: Int) {
    if n == 0 || n == 1 { nodes[n].rejectedAt = now }
  }

  mutating func observe(_ n: Int, _ notice: Notice) {
    marks.observe(notice)
    switch notice {
    case .joined, .lost: if n == 0 { wires?.changeCount += 1 }
    default: break
    }
    switch notice {
    case .started: nodes[n].hasStarted = true
    case .lost: nodes[n].hasLost = true
    case .joined where nodes[n].hasLost:
      marks.reach(nodes[n].session.isLingering ? .verdictAgain : .redialled)
    default: break
    }
  }

  /// Rare frames, and what they follow from.
  mutating func observe(_ header: FrameHeader) {
    switch header.kind {
    case .reject: marks.reach(.rejectSent)
    case .goodbye: marks.reach(.goodbyeSent)
    case .abort: marks.reach(.abortSent)
    case .source:
      if plan.isUnfit { ledger.excuse("what an earlier run has begun cannot be continued") }
    case .end:
      if plan.isPositional[0], !input.wasChecked {
        fail("the sender says the end without another look at its source")
      }
    case .data, .hole, .ack, .verdict, .heartbeat, .status, .sounding, .request: break
    }
  }

  /// What must hold at the moment when a process ends.
  mutating func observeEnd(_ n: Int, _ outcome: Outcome) {
    marks.observe(outcome)
    checkCommand(n, outcome)
    let statistics = nodes[n].session.statistics
    if statistics.staleCompletionCount > 0 { marks.reach(.staleCompletion) }
    if statistics.duplicateFrameCount > 0 { marks.reach(.duplicateFrame) }
    if nodes[n].role == .sender, outcome == .complete, !output.isSynchronized {
      fail("the sender says complete, the output is not")
    }
    if outcome == .complete, input.isChanged {
      fail("the \(name(n)) says complete, and the source has changed while it was read")
    }
    if nodes[n].role == .receiver, outcome == .complete {
      if plan.isUnfit { fail("what cannot be continued was continued") }
      if !output.isSynchronized || output.writtenCount != inputByteCount {
        fail("the receiver says complete with \(output.writtenCount) of \(inputByteCount)")
      }
    }
    if nodes[n].role == .receiver, nodes[n].command == nil,
      output.isPublished != (outcome == .complete), !output.isPublished || outcome.isMismatch
    {
      let has = output.isPublished ? "has" : "lacks"
      fail("the receiver ends with \(outcome), its output \(has) a name")
    }
    // A listener's last accept may be answered after its end.
    for (index, place) in nodes[n].places.enumerated()
    where place.isOpen && place.connectCount == 0 {
      fail("the \(name(n)) ends without closing connection \(index)")
    }
  }

  /// Whether something happened that leads to this end.
  func isExplained(_ n: Int, _ outcome: Outcome) -> Bool {
    let other = nodes[1 - n]
    let endedAt = nodes[n].endedAt ?? now
    let trouble = ledger.troubleUntil
    if outcome == .complete || !ledger.excuses.isEmpty { return true }
    switch outcome {
    case .complete:
      return true
    case .notConnected:
      return trouble > -1 || plan.startAt[1 - n] > 0
    case .networkSilent, .joinedInVain:
      return trouble > endedAt - plan.giveUp.inNanoseconds - 5_000_000_000
    case .peerReplaced:
      return false
    case .peerGone:
      if sleptPastVerdict { return true }
      // A dialler asks again at least every second or so, and has to have heard a no.
      let wasThere = (other.endedAt ?? .max) > endedAt
      if n != listener, wasThere, nodes[n].rejectedAt < endedAt - 2_500_000_000 { return false }
      // Evidence is gathered for three seconds, from connections that took as long to be missed.
      if trouble > endedAt - 9_000_000_000 { return true }
      return isExplainedByOther(other, before: endedAt)
    case .peerEnded:
      return isExplainedByOther(other, before: endedAt)
    case .refused(let refusal):
      return ledger.isGreetingDamaged || !plan.areKeysEqual && refusal.isAboutKeys
    case .notBraid:
      return ledger.isGreetingDamaged
    case .unfit:
      return plan.isUnfit
    case .mismatch:
      return output.sawDamage
    case .protocolViolation:
      // Without a key a stranger can join and lie, and with nobody else there he is who is heard.
      return ledger.isLiedTo && trouble > endedAt - 9_000_000_000
    case .inputFailed, .outputFailed, .interrupted:
      return false
    }
  }

  /// Whether one side stood still until after the other had left: a process that answers no call for
  /// seconds, and whose connections were reset, is taken for dead, and cannot be waited for.
  private var sleptPastVerdict: Bool {
    nodes[1].outcome == .complete
      && (nodes[0].frozenUntil > nodes[1].endedAt ?? .max
        || nodes[1].frozenUntil > nodes[0].endedAt ?? .max)
  }

  /// Whether the other side's end, which was first, explains this one.
  private func isExplainedByOther(_ other: Node, before endedAt: Int64) -> Bool {
    guard let outcome = other.outcome, outcome != .complete, let first = other.endedAt,
      first < endedAt
    else { return false }
    return isExplained(other.role == .sender ? 0 : 1, outcome)
  }

  /// What must hold for both ends together.
  mutating func checkTogether() {
    guard let first = nodes.compactMap(\.endedAt).min(),
      let last = nodes.compactMap(\.endedAt).max()
    else { return }
    if nodes[0].outcome == .complete, nodes[1].isAlive, nodes[1].outcome != .complete {
      fail(
        "the sender says complete, the receiver \(nodes[1].outcome.map { "\($0)" } ?? "nothing")"
      )
    }
    guard nodes.allSatisfy({ $0.hasStarted }) else { return }
    checkVerdict()
    checkLastWords()
    // Frozen processes end when they wake up; silence is waited for as long as the options say.
    let frozen = nodes.map(\.frozenUntil).max() ?? 0
    let silence = max(ledger.troubleUntil, first) + plan.giveUp.inNanoseconds + 10_000_000_000
    if last > max(silence, frozen + 10_000_000_000) {
      fail("one end outlives the other by \((last - first) / 1_000_000) ms")
    }
  }

  /// The sender hears of the success, unless the paths stay bad for longer than anybody's patience.
  private mutating func checkVerdict() {
    guard ledger.excuses.isEmpty, nodes[1].outcome == .complete, nodes[0].outcome != .complete,
      let verdictAt = nodes[1].verdictAt
    else { return }
    // A target that does not answer costs a whole dial timeout, longer than the listener waits.
    guard plan.deadTargets.isEmpty, !sleptPastVerdict else { return }
    if ledger.troubleUntil < verdictAt + 2_500_000_000, nodes[1].frozenUntil < verdictAt {
      fail("the sender never hears that all is well, although the paths were good again")
    }
  }

  /// Over a sound network, whoever fails can say why, and the other side knows it soon.
  private mutating func checkLastWords() {
    guard ledger.troubleUntil < 0, nodes[0].isAlive, nodes[1].isAlive,
      nodes[0].frozenUntil == 0, nodes[1].frozenUntil == 0,
      let sent = nodes[0].outcome, let received = nodes[1].outcome
    else { return }
    // Last words get a second; over a slow path they are not through by then.
    let backlog = (plan.sendBuffer + plan.receiveBuffer) * 2
    guard plan.slowConnection == 0, plan.links.allSatisfy({ $0.rate > backlog }) else { return }
    let late = abs((nodes[0].endedAt ?? 0) - (nodes[1].endedAt ?? 0))
    if sent == .complete, received == .complete, late > 500_000_000, plan.strangers.isEmpty {
      fail("both are done, and one stays for \(late / 1_000_000) ms")
    }
    if late > 5_000_000_000 { fail("one end learns of the other after \(late / 1_000_000) ms") }
    switch (sent, received) {
    case (.complete, .complete), (.peerEnded, _), (_, .peerEnded): break
    case (.interrupted, .complete), (.interrupted, .interrupted): break
    default: fail("the sender ends with \(sent), the receiver with \(received): nobody was told")
    }
  }
}

extension Outcome {
  var isMismatch: Bool { if case .mismatch = self { true } else { false } }
}

extension Refusal {
  var isAboutKeys: Bool { self == .keyNeeded || self == .keyUnexpected || self == .keyWrong }
}
