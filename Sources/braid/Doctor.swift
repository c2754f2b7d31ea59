internal import ArgumentParser
internal import Driver
internal import Links

/// `braid doctor`.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell what the links are, and what to change.",
    usage: "braid doctor [INTERFACE|HOST[:PORT]] [--ports N]",
    discussion: """
      Examples:

        braid doctor                                all bonds of this machine
        braid doctor bond0                          one bond
        braid doctor newserver                      the way to a host

      It sends nothing and changes nothing. What the other host and a switch in
      between do with their links is theirs to tell: run it there, too.

      Statuses: 0 nothing is to be changed, 1 something is, 2 no such interface
      or host, or no route to it, 64 usage.
      """
  )

  @Argument(
    help: ArgumentHelp(
      "An interface here, or where to send (port: 27243). (default: all bonds)",
      valueName: "INTERFACE|HOST[:PORT]"
    )
  )
  var place: String?

  @Option(
    help: ArgumentHelp(
      "Of so many ports say which link a connection to HOST takes, 0 to 1000. (default: 8)",
      valueName: "N"
    )
  )
  var ports: Int?

  func validate() throws {
    guard (0...1000).contains(ports ?? 0) else {
      throw ValidationError("--ports \(ports ?? 0): must be 0 to 1000")
    }
  }

  func run() throws {
    let examined: [Examined]
    do {
      examined = try examine()
    } catch {
      let sentence = "\(error)"
      StandardError.write("braid: \(sentence)\(sentence.hasSuffix(".") ? "" : ".")\n")
      throw ExitStatus.endpointFailed.exitCode
    }
    for (index, one) in examined.enumerated() {
      if index > 0 { try Braid.print("") }
      for line in one.lines(portCount: ports ?? 8) { try Braid.print(line) }
    }
    if examined.isEmpty {
      try Braid.print(
        "There is no bond here. Name the other host to see the way to it: braid doctor HOST"
      )
    }
    if examined.contains(where: { !$0.survey.complaints.isEmpty }) {
      throw ExitStatus.failed.exitCode
    }
  }

  /// A sentence without its full stop.
  private struct Trouble: Error, CustomStringConvertible {
    let description: String
  }

  private func examine() throws -> [Examined] {
    guard let place else {
      return try Survey.bonds().compactMap { name in
        try Survey.below(interface: name).map { Examined(survey: $0, topology: nil) }
      }
    }
    if let survey = try Survey.below(interface: place) {
      return [Examined(survey: survey, topology: nil)]
    }
    let ways: [Topology]
    do {
      ways = try Driver.Doctor.ways(to: Arguments.host(place))
    } catch let failure as StartFailure {
      throw Trouble(description: "no interface has the name \(place), and \(failure)")
    }
    return ways.map { Examined(survey: Survey($0), topology: $0) }
  }
}

/// One interface, or the way to one address, as text.
private struct Examined {
  let survey: Survey
  /// Nil where no peer was named.
  let topology: Topology?

  func lines(portCount: Int) -> [String] {
    var lines: [String] = []
    if let topology {
      let names = survey.hops.map(\.interface).joined(separator: ", ")
      lines.append("the way to \(topology.peer): from \(topology.source) over \(names)")
    }
    for hop in survey.hops { lines += self.lines(hop) }
    lines += portLines(portCount)
    for remark in survey.remarks { lines.append("worth knowing: \(remark.sentence)") }
    for complaint in survey.complaints {
      lines.append("to be changed: \(complaint.sentence)")
      if let command = complaint.command { lines.append("      by root: \(command)") }
    }
    if survey.complaints.isEmpty { lines.append("nothing is to be changed") }
    return lines
  }

  private func lines(_ hop: Hop) -> [String] {
    let title = hop.bond?.summary ?? "\(hop.interface): no bond"
    let layers =
      hop.layers.count > 1 ? ", below \(hop.layers.dropLast().joined(separator: ", "))" : ""
    let rows = survey.rows(hop).map { row in
      [row.name, row.state]
        + (row.bitsPerSecond.map { [Figures.rate(bitsPerSecond: Double($0))] } ?? [])
    }
    return [title + layers] + LinkTable.aligned(rows)
  }

  /// Which link each of some ports leads to; none where there is nothing to choose.
  private func portLines(_ count: Int) -> [String] {
    guard let topology, topology.links.count > 1 else { return [] }
    guard topology.spread == .byPort else {
      return topology.spread == .byPortUnseen
        ? ["which link a connection takes, only trying tells"] : []
    }
    let range = PortChooser(host: Host()).range
    var ports: Set<UInt16> = []
    while ports.count < min(count, range.count) { ports.insert(.random(in: range)) }
    return ports.sorted().map { port in
      let link = topology.link(forSourcePort: port).map { topology.links[$0].name }
      return "  port \(port) takes \(link ?? "an unknown link")"
    }
  }
}
