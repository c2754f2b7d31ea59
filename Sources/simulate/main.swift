import Glibc
import Simulation

// simulate --seed N [--trace] | --count N [--from N] [--marks], [--pipes | --links]: exit status 1 if any seed fails.

/// What the command line asked for.
struct Request {
  var first: UInt64 = 1
  var count: UInt64 = 1
  var isTracing = false
  var isListingMarks = false
  var endpoints = Endpoints.any
}

func usage() -> Never {
  print("usage: simulate --seed N [--trace] | --count N [--from N] [--marks]; [--pipes | --links]")
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
    case "--trace":
      request.isTracing = true
    case "--seed", "--from", "--count":
      guard let text = rest.popFirst(), let value = UInt64(text), value > 0 else { usage() }
      if argument == "--count" { request.count = value } else { request.first = value }
    default:
      usage()
    }
  }
  return request
}

@Sendable func show(_ line: String) { print(line) }

func run(_ request: Request) -> Bool {
  var failureCount = 0
  var stepCount = 0
  var markCounts = [Int](repeating: 0, count: Mark.allCases.count)
  var firstSeeds = [UInt64?](repeating: nil, count: Mark.allCases.count)
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
    guard let failure = report.failure else { continue }
    failureCount += 1
    print("FAILED seed \(seed): \(failure)")
    print("  swift run -c release simulate --seed \(seed) --trace")
  }
  print("\(request.count) seeds, \(failureCount) failed, \(stepCount) steps")
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
  return failureCount == 0 && isReaching
}

exit(run(parse(Array(CommandLine.arguments.dropFirst()))) ? 0 : 1)
