import Glibc
import Simulation

// simulate --seed N [--trace] | --count N [--from N] [--marks], [--pipes | --links [--misses N]]: exit status 1 if any
// seed fails; --misses: unless all that fails is the use of the links, in no more seeds than that.

/// What the command line asked for.
struct Request {
  var first: UInt64 = 1
  var count: UInt64 = 1
  var isTracing = false
  var isListingMarks = false
  var endpoints = Endpoints.any
  var missLimit: UInt64 = 0
}

func usage() -> Never {
  print(
    "usage: simulate --seed N [--trace] | --count N [--from N] [--marks]; "
      + "[--pipes | --links[-reversed] [--misses N]]"
  )
  exit(64)
}

func parse(_ arguments: [String]) -> Request {
  var request = Request()
  var rest = arguments[...]
  while let argument = rest.popFirst() {
    switch argument {
    case "--marks":
      request.isListingMarks = true
    case "--pipes":
      request.endpoints = .pipes
    case "--links":
      request.endpoints = .links
    case "--links-reversed":
      request.endpoints = .linksReversed
    case "--trace":
      request.isTracing = true
    case "--seed", "--from", "--count", "--misses":
      guard let text = rest.popFirst(), let value = UInt64(text), value > 0 else { usage() }
      switch argument {
      case "--count": request.count = value
      case "--misses": request.missLimit = value
      default: request.first = value
      }
    default:
      usage()
    }
  }
  return request
}

@Sendable func show(_ line: String) { print(line) }

/// How many topologies miss what, and how much of their links the others use.
func summary(of uses: [TopologyUse]) -> String {
  let shares = uses.map(\.permille).sorted()
  let idle = uses.count { $0.permille < TopologyUse.permilleLimit }
  let restless = uses.count { $0.changeCount > TopologyUse.changeLimit }
  return """
    \(idle) of \(uses.count) fill less than \(TopologyUse.permilleLimit / 10) % of their links, \(restless) do not \
    settle; least \(shares[0]), median \(shares[shares.count / 2]) of 1000
    """
}

func run(_ request: Request) -> Bool {
  var failureCount = 0
  var stepCount = 0
  var markCounts = [Int](repeating: 0, count: Mark.allCases.count)
  var firstSeeds = [UInt64?](repeating: nil, count: Mark.allCases.count)
  var uses: [TopologyUse] = []
  var missCount = 0
  for seed in request.first..<(request.first + request.count) {
    let simulator = Simulator(seed: seed, endpoints: request.endpoints)
    let report = simulator.run(sink: request.isTracing ? show : nil)
    stepCount += report.stepCount
    for index in markCounts.indices where report.markCounts[index] > 0 {
      markCounts[index] += report.markCounts[index]
      firstSeeds[index] = firstSeeds[index] ?? seed
    }
    if request.count == 1 { print(report) }
    if request.count == 1, let use = report.use {
      print("\(use.text): \(use.permille) of 1000, \(use.changeCount) changes")
    }
    if let use = report.use { uses.append(use) }
    guard let failure = report.failure else { continue }
    failureCount += 1
    if let use = report.use, use.isMiss { missCount += 1 }
    print("FAILED seed \(seed): \(failure)")
    let option =
      switch request.endpoints {
      case .any: ""
      case .pipes: "--pipes "
      case .links: "--links "
      case .linksReversed: "--links-reversed "
      }
    print("  swift run -c release simulate \(option)--seed \(seed) --trace")
  }
  print("\(request.count) seeds, \(failureCount) failed, \(stepCount) steps")
  if !uses.isEmpty { print(summary(of: uses)) }
  var isReaching = true
  for mark in Mark.allCases {
    let first = firstSeeds[mark.rawValue]
    if request.isListingMarks {
      print("\(mark): \(markCounts[mark.rawValue]), first in seed \(first.map(String.init) ?? "-")")
    }
    // That many seeds reach everything, or the faults have become too tame.
    if request.count >= 10_000, request.endpoints == .any, first == nil {
      print("NOT REACHED: \(mark)")
      isReaching = false
    }
  }
  return failureCount == missCount && missCount <= request.missLimit && isReaching
}

exit(run(parse(Array(CommandLine.arguments.dropFirst()))) ? 0 : 1)
