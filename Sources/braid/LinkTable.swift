internal import Driver
internal import Transfer
internal import Wire

/// What each link carried, as lines with columns; empty where there is only one link at both ends.
struct LinkTable {
  /// The lines, without line ends.
  let lines: [String]

  /// Lays out the links of a report; the side that sends stands first.
  init(_ report: Report, role: Role) {
    let (local, remote) = report.links
    guard local.count > 1 || remote.count > 1 else {
      lines = []
      return
    }
    let verb = role == .sender ? ("out over", "in over") : ("in over", "out over")
    var rows: [[String]] = []
    for (title, links) in [(verb.0, local), ("peer \(verb.1)", remote)] {
      for (index, link) in links.enumerated() {
        rows.append(Self.row(index == 0 ? title : "", link, in: report.elapsed))
      }
    }
    lines = Self.aligned(rows)
  }

  private static func row(_ title: String, _ link: LinkUse, in elapsed: Duration) -> [String] {
    let count = link.connectionCount.map { Figures.count($0, "connection") } ?? ""
    var row = [
      title, link.name, count, Figures.amount(link.byteCount),
      Figures.rate(bytes: link.byteCount, in: elapsed),
    ]
    if let speed = link.bitsPerSecond, Figures.seconds(elapsed) > 0 {
      let share = Double(link.byteCount) * 800 / Figures.seconds(elapsed) / Double(speed)
      row.append("\(Figures.decimals(share, 0)) % of its speed")
    }
    return row
  }

  /// Names to the left, numbers to the right.
  static func aligned(_ rows: [[String]]) -> [String] {
    let columnCount = rows.map(\.count).max() ?? 0
    let widths = (0..<columnCount).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, text in
        let blanks = String(repeating: " ", count: widths[column] - text.count)
        return column < 2 ? text + blanks : blanks + text
      }
      return "  " + cells.joined(separator: "  ")
    }
  }
}
