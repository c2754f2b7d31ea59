internal import Driver
internal import Glibc
internal import Transfer
internal import Wire

extension Failure {
  /// Whether it is the end of a command that was not what it should be.
  fileprivate var isCommandEnd: Bool { kind == .commandExited || kind == .commandKilled }
}

/// Outcomes and notices as sentences: what, where, why, and what to do.
struct Sentences {
  /// The run that is spoken of.
  let plan: Plan

  /// The other side: "the receiver" or "the sender".
  var peer: String {
    plan.bench != nil ? "the other side" : plan.role == .sender ? "the receiver" : "the sender"
  }

  /// Whether the peer was named by several hosts.
  var isOneOfSeveral: Bool {
    if case .dial(let hosts) = plan.opening { hosts.count > 1 } else { false }
  }

  /// "newserver port 27243", "port 27243".
  var place: String {
    switch plan.opening {
    case .dial(let hosts):
      hosts.map { "\($0.name) port \($0.port)" }.joined(separator: ", ")
    case .listen(let address?, let port): "\(address) port \(port)"
    case .listen(nil, let port): "port \(port)"
    }
  }

  private var endpoint: String {
    switch plan.endpoint {
    case .path(let path): path
    case .command: "the pipe of \(command)"
    case .standard: plan.role == .sender ? "standard input" : "standard output"
    }
  }

  private var isCommand: Bool {
    if case .command = plan.endpoint { return true }
    return false
  }

  /// "the command `zfs receive tank`"; the other side reads it too, so it stays short and printable.
  private var command: String {
    guard case .command(let text) = plan.endpoint else { return "the command" }
    let line = String(text.map { $0.isNewline || $0.isWhitespace ? " " : $0 })
    return "the command `\(line.count > 100 ? line.prefix(99) + "…" : line)`"
  }

  private var patience: String {
    plan.wait == .zero ? "once" : "for \(Figures.limit(plan.wait))"
  }

  // MARK: The end

  /// Why it ended, without advice, as the other side's user reads it; empty when all went well.
  func cause(_ outcome: Outcome) -> String {
    switch outcome {
    case .complete: ""
    case .notConnected(let failure):
      "cannot connect to \(place)\(failure.map { ": \(text($0))" } ?? "")"
    case .peerGone: "\(peer) has gone: its host closes or refuses every connection"
    case .peerReplaced: "\(peer) has gone; what answers there now was started anew"
    case .networkSilent:
      "nothing was heard from \(peer) for \(Figures.limit(plan.giveUp)) (--give-up)"
    case .joinedInVain:
      "every connection to \(peer) was lost as soon as it had joined, "
        + "for \(Figures.limit(plan.giveUp)) (--give-up)"
    case .refused(let refusal): cause(refusal)
    case .notBraid(let error): "what answers at \(place) is not braid: \(error)"
    case .inputFailed(let failure) where failure.isCommandEnd: "\(command) \(text(failure))"
    case .outputFailed(let failure) where failure.isCommandEnd: "\(command) \(text(failure))"
    case .inputFailed(let failure) where failure.kind == .changed:
      "\(endpoint) has changed while it was sent"
    case .inputFailed(let failure): "cannot read \(endpoint): \(text(failure))"
    case .outputFailed(let failure) where failure.kind == .brokenPipe && isCommand:
      "\(command) closed its input before it had everything"
    case .outputFailed(let failure) where failure.kind == .brokenPipe:
      "whoever read \(endpoint) has gone"
    case .outputFailed(let failure): "cannot write to \(endpoint): \(text(failure))"
    case .unfit(let misfit): cause(misfit)
    case .mismatch(let detail): "the data do not match: \(detail)"
    case .protocolViolation(let detail): "\(peer) broke the protocol: \(detail)"
    case .peerEnded(let ending, let detail): cause(ending, detail)
    case .interrupted(SIGINT): "interrupted (SIGINT)"
    case .interrupted(SIGTERM): "interrupted (SIGTERM)"
    case .interrupted(SIGHUP): "interrupted (SIGHUP)"
    case .interrupted(let signal): "interrupted (signal \(signal))"
    }
  }

  /// What to do about it, as a sentence with its full stop; nil where nothing helps.
  func advice(_ outcome: Outcome) -> String? {
    switch outcome {
    case .notConnected(let failure):
      "\(connectAdvice(failure)) Tried \(patience) (--wait)."
    case .networkSilent: "Check the links; --give-up SECONDS waits longer."
    case .joinedInVain: "It answers; does something on the way end connections?"
    case .refused(let refusal): advice(refusal)
    case .notBraid: "Check the host and the port."
    case .peerReplaced: "Start this side anew as well."
    case .inputFailed(let failure) where failure.kind == .changed:
      "Stop what writes it, or send a snapshot; `cat` and a pipe send it as it comes."
    case .outputFailed(let failure) where failure.kind == .noSpace:
      "Make room, or choose another output."
    case .unfit(.diskTooSmall): "Choose a larger disk; --force writes what fits, and then fails."
    case .unfit(.noRoom): "Make room, or choose another place; --force begins all the same."
    case .unfit(.nothingToCompare): "Leave --verify out, or remove the journal and start again."
    case .unfit: "Start from the beginning: remove the journal, or leave --resume out."
    case .mismatch: "Do not use what was written; start again."
    case .protocolViolation: "Are both sides the same version of braid?"
    default: nil
    }
  }

  /// How far it came, as a sentence with its full stop.
  func progress(_ statistics: Statistics) -> String {
    let amount = Figures.exactAmount(statistics.writtenOffset)
    let total = statistics.streamByteCount.map { " of \(Figures.exactAmount($0))" } ?? ""
    let isSender = plan.role == .sender
    guard statistics.writtenOffset == 0 else {
      return "\(isSender ? "The receiver" : "We") had written \(amount)\(total)."
    }
    if isSender { return "The receiver had written nothing that we know of." }
    return statistics.hasWrittenParts
      ? "We had written parts of it, but not its beginning." : "We had written nothing."
  }

  private func cause(_ misfit: Misfit) -> String {
    switch misfit {
    case .diskTooSmall(let needed, let room):
      "\(endpoint) has \(Figures.exactAmount(room)), the source \(Figures.exactAmount(needed))"
    case .noRoom(let needed, let room):
      "there are \(Figures.exactAmount(room)) free for \(endpoint), the source takes "
        + Figures.exactAmount(needed)
    case .sourceChanged:
      "cannot resume \(endpoint): the source is another one, or has changed since"
    case .sourceIsStream: "cannot resume \(endpoint): the sender reads a pipe now"
    case .nothingToCompare:
      "cannot verify \(endpoint): the run that is resumed was started without --verify"
    }
  }

  private func cause(_ refusal: Refusal) -> String {
    switch refusal {
    case .none: "\(peer) refused, and did not say why"
    case .version: "\(peer) speaks another version of braid's protocol"
    case .busy: "\(peer) is busy with another session, or at its end"
    case .keyNeeded: "\(peer) wants a key, and we have none"
    case .keyUnexpected: "we have a key, and \(peer) has none"
    case .keyWrong: "\(peer) has another key"
    case .sameRole: "both sides \(plan.role == .sender ? "send" : "receive")"
    case .malformed: "\(peer) could not understand our greeting"
    case .tooMany: "\(peer) takes no more connections"
    case .unknownSession: "\(peer) knows nothing of this session"
    case .notPaired: "\(peer) cannot measure both directions at once"
    case .otherPurpose where plan.bench != nil: "what listens at \(place) does not measure"
    case .otherPurpose: "what listens at \(place) is `braid bench`, which keeps nothing"
    }
  }

  private func advice(_ refusal: Refusal) -> String? {
    switch refusal {
    case .version: "Install the same version on both sides."
    case .busy: "Choose another port, or wait."
    case .keyNeeded, .keyUnexpected, .keyWrong:
      "Give both sides the same key (--key-file, or the variable BRAID_KEY)."
    case .sameRole: "One side sends, the other receives."
    case .tooMany: "Ask for fewer --connections."
    case .unknownSession: "Its process was started anew: begin anew."
    case .notPaired:
      "Measure one after the other, or give it more --memory, or this version of braid."
    case .otherPurpose where plan.bench != nil: "Start `braid bench --listen` there."
    case .otherPurpose:
      "Start `\(plan.role == .sender ? "braid receive" : "braid send --listen PORT")` there."
    case .none, .malformed: nil
    }
  }

  private func cause(_ ending: Ending, _ detail: String) -> String {
    switch ending {
    case .consumerGone: return "whoever read \(peer)'s output has gone"
    case .interrupted: return "\(peer) was interrupted"
    default: break
    }
    if !detail.isEmpty { return "\(peer) says: \(detail)" }
    return switch ending {
    case .inputFailed: "\(peer) could not read its input"
    case .outputFailed: "\(peer) could not write its output"
    case .mismatch: "\(peer) found that the data do not match"
    case .protocolViolation: "\(peer) says that we broke the protocol"
    case .silent: "\(peer) gave up on the network"
    case .complete, .consumerGone, .interrupted, .internalError: "\(peer) ended it"
    }
  }

  private func connectAdvice(_ failure: Failure?) -> String {
    let verb =
      plan.bench != nil
      ? "braid bench --listen"
      : plan.role == .sender ? "braid receive" : "braid send --listen PORT"
    return switch failure?.kind {
    case .refused?: "Is `\(verb)` running there?"
    case .hungUp?: "Is another program there, or a tunnel to nowhere?"
    case .mute?: "Is another program there, or one that stands still?"
    case .timedOut?, .cancelled?, nil: "Does a firewall drop what goes to that port?"
    default: "Check the host, the port and the route."
    }
  }

  private func text(_ failure: Failure) -> String {
    if let text = failure.text { return text }
    return switch failure.kind {
    case .reset: "the connection was reset"
    case .refused: "connection refused"
    case .timedOut, .cancelled: "no answer"
    case .unreachable: "no route"
    case .brokenPipe: "nobody reads it"
    case .noSpace: "no space left"
    case .noBuffers: "out of buffers"
    case .notSupported: "not supported"
    case .hungUp: "what listens there closes every connection without a word"
    case .mute: "what listens there takes connections and says nothing"
    case .endedEarly: "it ended before the length that it had at the start"
    case .changed: "it has changed"
    case .addressInUse: "the address is in use"
    case .commandExited where failure.code == 0: "ended with status 0 before it had everything"
    case .commandExited: "ended with status \(failure.code)"
    case .commandKilled: "was ended by \(signalName(failure.code))"
    case .other: "unknown error"
    }
  }

  private func signalName(_ number: Int32) -> String {
    let names = [SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGINT: "SIGINT", SIGSEGV: "SIGSEGV"]
    return names[number].map { "signal \(number) (\($0))" } ?? "signal \(number)"
  }

  // MARK: On the way

  /// A notice as a sentence without its full stop.
  func sentence(_ notice: Notice, peer address: String?) -> String {
    let from = address.map { " \($0)" } ?? ""
    return switch notice {
    case .started(let frameByteCount):
      "the session has begun, with frames of \(Figures.amount(UInt64(frameByteCount)))"
    case .resumed(let offset): "resuming at \(Figures.exactAmount(offset))"
    case .joined(_, let count): "connection\(from) has joined; \(count) now"
    case .lost(_, let reason, let resent):
      "connection\(from) was lost: \(text(reason))"
        + (resent == 0 ? "" : "; \(Figures.count(resent, "frame")) will be sent again")
    case .turnedAway(_, let reason): "turned\(from) away: \(text(reason))"
    case .dialFailed(_, let failure):
      "cannot connect to \(isOneOfSeveral ? address ?? place : place): \(text(failure))"
    case .damagedFrame(let offset):
      "a frame came damaged and will be sent again (offset \(offset))"
    case .disconnected: "no connection is left; trying to get one"
    case .readingBack: "all of it is on the disk; reading it back"
    case .sounded(_, let local, let remote):
      "connection\(from) goes out over \(local ?? "an unknown link")"
        + (remote.map { " and comes in over \($0)" } ?? "")
    case .gathered(let kept, let count, let isClear):
      "keeping \(kept) of \(Figures.count(count, "connection"))"
        + (isClear ? ": every link has its share" : "; not every link has its share yet")
    case .idleLinks(let local, let remote):
      "idle while others are busy: \(list(local, remote)); opening connections for them"
    }
  }

  /// Which links never came to carry anything; nil if there are none.
  func idle(_ links: (local: [String], remote: [String])) -> String? {
    guard !links.local.isEmpty || !links.remote.isEmpty else { return nil }
    return "idle to the end, whatever was tried: \(list(links.local, links.remote)). "
      + "Compare the hash policies of both hosts and the switch."
  }

  private func list(_ local: [String], _ remote: [String]) -> String {
    (local + remote.map { "\($0) at the peer" }).joined(separator: ", ")
  }

  private func text(_ loss: Notice.Loss) -> String {
    switch loss {
    case .closedByPeer: "closed by \(peer)"
    case .failed(let failure): text(failure)
    case .silent: "its path gave no answer (--dead-after)"
    case .damaged(let error): "\(error)"
    case .violation(let detail): detail
    case .surplus: "not needed any more"
    }
  }

  private func text(_ strangeness: Notice.Strangeness) -> String {
    switch strangeness {
    case .refused(.keyWrong): "it has another key, or repeats a recorded handshake"
    case .refused(.keyNeeded): "it has no key"
    case .refused(.keyUnexpected): "it has a key, and we have none"
    case .refused(.version): "it speaks another version of the protocol"
    case .refused(.busy): "it belongs to another session"
    case .refused(.sameRole): "it \(plan.role == .sender ? "sends" : "receives"), as we do"
    case .refused(.tooMany): "there are enough connections"
    case .refused(.notPaired): "our memory does not suffice for both directions"
    case .refused(.otherPurpose):
      plan.bench != nil ? "it carries data, and we only measure" : "it is `braid bench`"
    case .refused(.unknownSession): "it continues a session that began elsewhere"
    case .refused(.malformed), .refused(.none): "its greeting makes no sense"
    case .notBraid(let error): "\(error)"
    case .tooSlow: "it did not finish its greeting in time"
    case .closed: "it left before its greeting was complete"
    case .evicted: "it made place for newer ones"
    }
  }
}
