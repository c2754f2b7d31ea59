import Glibc
import Simulation

// simulate --seed N [--trace] | --count N [--from N] [--marks]: exit status 1 if any seed fails.

/// What the command line asked for.
struct Request {
  var first: UInt64 = 1
  var count: UInt64 = 1
  var isTracing = false
  var isListingMarks = false
}

func usage() -> Never {
  print("usage: simulate --seed N [--trace] | --count N [--from N] [--marks]")
  exit(64)
}

func parse(_ arguments: [String]) -> Request {
  var request = Request()
  var rest = arguments[...]
  while let argument = rest.popFirst() {
    switch argument {
    case "--marks":
      request.isListingMarks = true
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
  for seed in request.first..<(request.first + request.count) {
    let report = Simulator(seed: seed).run(sink: request.isTracing ? show : nil)
    stepCount += report.stepCount
    for index in markCounts.indices { markCounts[index] += report.markCounts[index] }
    if request.count == 1 { print(report) }
    guard let failure = report.failure else { continue }
    failureCount += 1
    print("FAILED seed \(seed): \(failure)")
    print("  swift run -c release simulate --seed \(seed) --trace")
  }
  print("\(request.count) seeds, \(failureCount) failed, \(stepCount) steps")
  for mark in Mark.allCases where request.isListingMarks {
    print("\(markCounts[mark.rawValue]) \(mark)")
  }
  return failureCount == 0
}

exit(run(parse(Array(CommandLine.arguments.dropFirst()))) ? 0 : 1)
