internal import Driver
internal import Transfer
internal import Wire

/// The classic: what one connection gets, what several get by chance, and placed by braid.
struct BenchTable {
  private let runs: [BenchRun.Measured]
  private let text: BenchText

  /// A link that carries less than this part of its even share has only acknowledgements.
  private static let used = 0.1
  /// Rates that differ by less are the same to the eye, and from run to run.
  private static let alike = 1.1

  /// Takes the runs of `--table`: one, or three.
  init(_ runs: [BenchRun.Measured], _ text: BenchText) {
    self.runs = runs
    self.text = text
  }

  /// Links that connections can be spread over: those of the end that has more.
  static func linkCount(_ figures: BenchFigures) -> Int {
    [Role.sender, .receiver].map { side in figures.links.count { $0.side == side } }.max() ?? 0
  }

  /// Links of one end that carried data.
  private static func usedCount(_ figures: BenchFigures, _ side: Role) -> Int {
    let links = figures.links.filter { $0.side == side }
    let total = links.map(\.bitsPerSecond).reduce(0, +)
    return links.count { $0.bitsPerSecond >= total / Double(links.count) * used }
  }

  /// The links' speeds, the table, and what follows from it.
  var lines: [String] {
    guard let first = runs.first else { return [] }
    return speeds(first.figures) + LinkTable.aligned(rows(first.figures)) + [judgement]
  }

  private func speeds(_ figures: BenchFigures) -> [String] {
    let sides: [(String, Role)] = [("sender", .sender), ("receiver", .receiver)]
    return sides.compactMap { title, side in
      let links = figures.links.filter { $0.side == side }
      guard !links.isEmpty else { return nil }
      let names = links.map { link in
        let speed = link.use.bitsPerSecond.map { Figures.rate(bitsPerSecond: Double($0)) }
        return "\(link.use.name) (\(speed ?? "speed unknown"))"
      }
      return "links of the \(title): " + names.joined(separator: ", ")
    } + figures.arrangement.map { "this side has \($0)" }
  }

  private func rows(_ first: BenchFigures) -> [[String]] {
    [["connections", "placed by", "rate", "of the first", "links used"]]
      + runs.map { run in
        let figures = run.figures
        let ratio = figures.bitsPerSecond / max(first.bitsPerSecond, 1)
        let used = [Role.sender, .receiver].map { "\(Self.usedCount(figures, $0))" }
        return [
          "\(run.asked ?? figures.result.connections.count)", run.isByChance ? "chance" : "braid",
          text.rate(figures.bitsPerSecond), "\(Figures.decimals(ratio, 2)) x",
          figures.links.isEmpty ? "?" : used.joined(separator: " - "),
        ]
      }
  }

  private var judgement: String {
    guard runs.count == 3 else {
      return "There is one link at both ends, or none that is known: nothing to spread."
    }
    let (single, chance, placed) = (runs[0].figures, runs[1].figures, runs[2].figures)
    let count = runs[2].asked ?? 0
    let gain = placed.bitsPerSecond / max(single.bitsPerSecond, 1)
    let luck = placed.bitsPerSecond / max(chance.bitsPerSecond, 1)
    let used = min(Self.usedCount(placed, .sender), Self.usedCount(placed, .receiver))
    if gain < Self.alike {
      return "\(count) connections carry no more than one. Limit: \(placed.reason)."
    }
    let whole = "Placed by braid, \(count) connections carry \(Figures.decimals(gain, 1)) x one"
    if luck >= Self.alike {
      let times = Figures.decimals(luck, 1)
      return "\(whole), and \(times) x what chance gave them: it put several on one link."
    }
    if luck <= 1 / Self.alike {
      return "\(whole), less than by chance: something else moved, or uses the links. Again?"
    }
    let often = (1...count).reduce(1.0) { $0 * Double($1) / Double(count) }
    return used == count
      ? "\(whole). Chance did as well this time: with \(count) links about "
        + "\(Figures.decimals(often * 100, 0)) times in 100."
      : "\(whole). Not every link is used; --verbose tells what is known of them."
  }
}
