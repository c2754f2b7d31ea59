import Transfer

/// How the command at one end of the stream behaves.
struct CommandPlan {
  /// How it ends by itself.
  var end = Event.Result.done(0)
  /// Where the sender's ends its output, or the receiver's stops reading; nil: at the end.
  var stopsAt: Int?
  /// The sender's exits when the input is so many bytes before its end: what it wrote is in the pipe.
  var lead = 0
  /// From the last byte, or from the end of its input, to its own end, in nanoseconds.
  var delay: Int64 = 0
  /// SIGTERM does not end it.
  var isStubborn = false
  /// SIGKILL does not end it either: it is in a system call without an end.
  var isStuck = false
}

/// A command as the kernel sees it.
struct VirtualCommand {
  var plan: CommandPlan
  var wait: OperationToken?
  /// Its own end is on its way.
  var isEnding = false
  var end: Event.Result?
  var wasTold = false
  var wasKilled = false
}

extension Plan {
  /// Commands at the ends of the stream that are no files.
  mutating func drawCommands(_ random: inout SplitMix64) {
    guard random.chance(0.3) else { return }
    for node in 0...1 where !isPositional[node] && random.chance(0.6) {
      var command = CommandPlan()
      command.delay = Int64(random.magnitude(1000...5_000_000_000))
      command.lead = random.int(0...65_536)
      command.isStubborn = random.chance(0.4)
      command.isStuck = command.isStubborn && random.chance(0.3)
      commands[node] = command
    }
    // One thing at a time ends a session, so that there is one explanation.
    guard !hasEnd, inputShrinksTo == nil, !isForeign, random.chance(0.5),
      let node = [0, 1].first(where: { commands[$0] != nil })
    else { return }
    commands[node]?.end = random.pick([
      .failed(Failure(.commandExited, code: 1)), .failed(Failure(.commandKilled, code: 9)),
    ])
    guard random.chance(0.6) else { return }
    commands[node]?.stopsAt = random.int(0...streamByteCount)
    // One that reads no further may well think that it is done.
    if node == 1, random.chance(0.4) { commands[node]?.end = .done(0) }
  }
}

// The commands at the ends of the stream.
extension World {
  mutating func awaitCommand(_ n: Int, _ token: OperationToken) {
    guard nodes[n].command != nil, nodes[n].command?.wait == nil else {
      return fail("\(name(n)) waits for a command twice, or for none")
    }
    nodes[n].command?.wait = token
    if let end = nodes[n].command?.end { tellEnd(n, token, end) }
  }

  /// The sender's command writes no more from this offset on.
  var inputEnd: Int {
    if let wires { return now < wires.endsAt ? .max : input.offset }
    return min(nodes[0].command?.plan.stopsAt ?? .max, input.content.count)
  }

  /// The receiver's command reads no more from this offset on.
  var commandLimit: Int { nodes[1].command?.plan.stopsAt ?? .max }

  /// The input was read up to here: its command may be through.
  mutating func commandWasRead() {
    guard let command = nodes[0].command, input.offset + command.plan.lead >= inputEnd else {
      return
    }
    endSoon(0)
  }

  /// Whether the receiver's command takes nothing any more; then it ends as well.
  mutating func commandIsDeaf() -> Bool {
    guard let command = nodes[1].command else { return false }
    if command.end == nil, output.writtenCount < commandLimit { return false }
    if !command.wasTold { ledger.excuse("the command reads no more") }
    endSoon(1)
    return true
  }

  mutating func closeOutput(_ n: Int) {
    guard n == 1, nodes[n].command != nil, output.pending.isEmpty, !output.isClosed else {
      return fail("\(name(n)) closes an output that is no command's, or is in use")
    }
    guard output.writtenCount == input.content.count else {
      return fail("the command sees an end at byte \(output.writtenCount) that is none")
    }
    output.isClosed = true
    if nodes[n].command?.end != nil { return commandEnded(n) }
    endSoon(n)
  }

  /// The command ends by itself after its delay.
  private mutating func endSoon(_ n: Int) {
    guard let command = nodes[n].command, !command.isEnding else { return }
    nodes[n].command?.isEnding = true
    after(command.plan.delay, .command(node: n, command.plan.end))
  }

  /// SIGTERM, or SIGKILL.
  mutating func endCommand(_ n: Int, isForced: Bool) {
    guard let command = nodes[n].command else { return fail("\(name(n)) ends no command") }
    if isForced, !command.wasTold { return fail("\(name(n)) kills a command without a word") }
    nodes[n].command?.wasTold = true
    if isForced { nodes[n].command?.wasKilled = true }
    guard command.end == nil else { return }
    marks.reach(isForced ? .commandKilled : .commandTold)
    guard isForced ? !command.plan.isStuck : !command.plan.isStubborn else { return }
    let end = Event.Result.failed(Failure(.commandKilled, code: isForced ? 9 : 15))
    after(Int64(random.magnitude(1000...100_000_000)), .command(node: n, end))
  }

  /// A command ends, by itself or by a signal.
  mutating func commandEnds(_ n: Int, _ end: Event.Result) {
    guard nodes[n].command?.end == nil else { return }
    note(14, n, "the \(name(n))'s command ends: \(end)")
    nodes[n].command?.end = end
    if case .failed = end, nodes[n].command?.wasTold == false {
      marks.reach(.commandFailed)
      ledger.excuse("a command failed")
    }
    if n == 1 { commandEnded(n) }
    if let token = nodes[n].command?.wait { tellEnd(n, token, end) }
  }

  /// The receiver's command is the output: what it took is safe when it has ended well.
  private mutating func commandEnded(_ n: Int) {
    if output.isClosed, nodes[n].command?.end == .done(0) { output.isSynchronized = true }
    if !output.isClosed, nodes[n].command?.wasTold == false { marks.reach(.commandEarly) }
    if !output.pending.isEmpty { endpointReady(n) }
  }

  private mutating func tellEnd(_ n: Int, _ token: OperationToken, _ end: Event.Result) {
    nodes[n].command?.wait = nil
    complete(
      n,
      Completion(event: .completed(token, end, releaseFollows: false), ends: .watch)
    )
  }

  /// What must hold of the commands when a process ends.
  mutating func checkCommand(_ n: Int, _ outcome: Outcome) {
    if outcome == .complete {
      for m in nodes.indices where n == 0 || m == n {
        guard let command = nodes[m].command, command.end != .done(0) else { continue }
        fail("the \(name(n)) says complete, the \(name(m))'s command has not ended well")
      }
    }
    if let command = nodes[n].command, command.end == nil, !command.wasKilled {
      fail("the \(name(n)) ends and leaves its command behind")
    }
  }
}
