import Transfer
import Wire

/// What happened that entitles a session to an end other than success.
struct Ledger {
  private(set) var excuses: [String] = []

  mutating func excuse(_ reason: String) {
    if !excuses.contains(reason) { excuses.append(reason) }
  }
}

extension World {
  /// What must hold after every turn of a process.
  mutating func check(_ n: Int) {
    if let sentence = nodes[n].session.brokenInvariant { fail("\(name(n)): \(sentence)") }
  }

  mutating func observe(_ n: Int, _ notice: Notice) {}

  /// What must hold when a process ends.
  mutating func observeEnd(_ n: Int, _ outcome: Outcome) {
    if nodes[n].role == .sender, outcome == .complete, !output.isSynchronized {
      fail("the sender says complete, the output is not")
    }
    if nodes[n].role == .receiver, outcome == .complete {
      if !output.isSynchronized || output.writtenCount != input.content.count {
        fail("the receiver says complete with \(output.writtenCount) of \(input.content.count)")
      }
    }
    if outcome != .complete, ledger.excuses.isEmpty {
      fail("\(name(n)) ends with \(outcome), and nothing has happened that would explain it")
    }
  }
}
