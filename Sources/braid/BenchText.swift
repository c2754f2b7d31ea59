internal import Driver
internal import Transfer
internal import Wire

/// The figures of `braid bench` as lines for people.
struct BenchText {
  /// Whether rates are told in MiB/s.
  let showsBytes: Bool

  /// "9.41 Gbit/s" or "1122 MiB/s".
  func rate(_ bitsPerSecond: Double) -> String {
    showsBytes
      ? "\(Figures.decimals(bitsPerSecond / 8 / 1_048_576, 0)) MiB/s"
      : Figures.rate(bitsPerSecond: bitsPerSecond)
  }

  /// One stretch, as soon as it is over; of both directions at a time, that of each.
  func line(_ directions: [BenchInterval]) -> String {
    func seconds(_ time: Duration) -> String {
      let text = Figures.decimals(Figures.seconds(time), 1)
      return String(repeating: " ", count: max(0, 6 - text.count)) + text
    }
    let rates = directions.map { interval in
      let bits = Double(interval.byteCount) * 8 / max(Figures.seconds(interval.duration), 1e-9)
      let verb = interval.role == .sender ? "sent " : "received "
      return (interval.isPaired ? verb : "") + rate(bits)
    }
    let first = directions[0]
    var line = "\(seconds(first.start)) - \(seconds(first.end)) s  "
    line += rates.joined(separator: ", ")
    if first.retransmissions > 0 {
      line += ", \(Figures.count(first.retransmissions, "segment")) sent again"
    }
    return line + (first.isOmitted ? ", not counted" : "")
  }

  /// What a run came to, each direction for itself, and the processor for all.
  func lines(_ directions: [BenchFigures]) -> [String] {
    directions.flatMap { lines($0) } + [processorLine(directions)]
  }

  private func lines(_ figures: BenchFigures) -> [String] {
    let result = figures.result
    let verb = result.role == .sender ? "sent" : "received"
    let amount = Figures.amount(result.byteCount)
    let time = Figures.time(result.duration)
    let count = Figures.count(result.connections.count, "connection")
    let checks = result.isChecked ? "with checksums" : "without checksums of payloads"
    return ["\(rate(figures.bitsPerSecond)): \(verb) \(amount) in \(time), \(count), \(checks)"]
      + connectionLines(result) + figures.arrangement.map { "  here: \($0)" } + linkLines(figures)
      + ["  limit: \(figures.reason)"]
  }

  private func connectionLines(_ result: BenchResult) -> [String] {
    let rows = result.connections.map { connection in
      let bits =
        Double(connection.byteCount) * 8 / max(Figures.seconds(result.duration), 1e-9)
      var row = [connection.local, connection.peer, rate(bits)]
      // Of the side that receives, TCP says nothing about the way of the data.
      if result.role == .sender {
        row += [
          "\(connection.retransmissions) sent again",
          "\(Figures.decimals(Figures.seconds(connection.roundTrip) * 1000, 2)) ms",
          "window \(Figures.amount(UInt64(connection.congestionWindow)))",
        ]
      }
      let links = [connection.localLink, connection.peerLink].compactMap(\.self)
      if !links.isEmpty { row.append(links.joined(separator: " - ")) }
      return row
    }
    return LinkTable.aligned(rows)
  }

  private func linkLines(_ figures: BenchFigures) -> [String] {
    let rows = figures.links.map { link in
      let way = link.side == .sender ? "out over" : "in over"
      let count = link.use.connectionCount.map { Figures.count($0, "connection") }
      var row = [way, link.use.name, count ?? "", rate(link.bitsPerSecond)]
      if let share = link.share { row.append("\(Figures.decimals(share * 100, 0)) % of its speed") }
      return row
    }
    return LinkTable.aligned(rows)
  }

  private func processorLine(_ directions: [BenchFigures]) -> String {
    let figures = directions[0]
    let names = directions.count == 1 ? ("sender", "receiver") : ("this side", "the other side")
    // Of both directions at a time, the first is what this side sends; who listens has them in the
    // order in which they began.
    let isFlipped = directions.count > 1 && figures.result.role == .receiver
    let used =
      isFlipped
      ? (figures.receiver, figures.sender) : (figures.sender, figures.receiver)
    let sides = [(names.0, used.0), (names.1, used.1)].map { name, used in
      guard let used else { return "\(name) unknown" }
      return "\(name) \(Figures.decimals(used.secondsPerGibibyte, 3)) s/GiB "
        + "(\(Figures.decimals(used.share * 100, 0)) % of the time)"
    }
    return "  processor: " + sides.joined(separator: ", ")
  }

  /// Several runs side by side.
  func table(_ runs: [BenchRun.Measured]) -> [String] {
    let isPaired = runs.contains { $0.directions.count > 1 }
    let titles =
      isPaired
      ? ["sent", "received", "here s/GiB", "there s/GiB"]
      : ["rate", "sender s/GiB", "receiver s/GiB"]
    var rows = [["connections"] + titles + ["limit"]]
    for run in runs {
      let figures = run.figures
      func cost(_ used: BenchFigures.Processor?) -> String {
        used.map { Figures.decimals($0.secondsPerGibibyte, 3) } ?? "?"
      }
      rows.append(
        [
          run.asked.map { "\($0)" } ?? "auto (\(figures.result.connections.count))"
        ] + run.directions.map { rate($0.bitsPerSecond) } + [
          cost(figures.sender), cost(figures.receiver),
          run.directions.map(\.limitName).joined(separator: ", "),
        ]
      )
    }
    return LinkTable.aligned(rows)
  }
}
