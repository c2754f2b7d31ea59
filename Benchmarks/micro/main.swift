internal import Glibc
internal import Simulation
internal import Uring
internal import Wire

// microbenchmarks: what the smallest pieces cost, in nanoseconds; least, median, greatest of 9 runs.

/// One thing that is done again and again.
struct Benchmark {
  let name: String
  /// How often a run does it: so that a run takes some ten milliseconds.
  let count: Int
  /// Does it so often; what it returns depends on all that was done, so that nothing is left out.
  let body: (Int) -> UInt64
}

let runCount = 9
/// Keeps the results alive.
var residue: UInt64 = 0

func nanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

@MainActor func measure(_ benchmark: Benchmark) -> [Double] {
  residue &+= benchmark.body(benchmark.count)
  let times = (0..<runCount).map { _ in
    let start = nanoseconds()
    residue &+= benchmark.body(benchmark.count)
    return Double(nanoseconds() - start) / Double(benchmark.count)
  }
  return times.sorted()
}

func padded(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

func rounded(_ value: Double) -> String {
  value < 100 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
}

// MARK: What is measured

func header(_ number: Int) -> FrameHeader {
  FrameHeader(.data, length: 262_144, offset: UInt64(number) << 18, number: UInt64(number))
}

let encoding = Benchmark(name: "frame header: encode", count: 1_000_000) { count in
  var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
  var sum: UInt64 = 0
  for number in 0..<count {
    var span = bytes.mutableSpan
    header(number).encode(into: &span, seed: 1)
    sum &+= UInt64(bytes[36])
  }
  return sum
}

let decoding = Benchmark(name: "frame header: decode and check", count: 1_000_000) { count in
  var bytes = [UInt8](repeating: 0, count: FrameHeader.byteCount)
  var span = bytes.mutableSpan
  header(7).encode(into: &span, seed: 1)
  var sum: UInt64 = 0
  for _ in 0..<count {
    sum &+= (try? FrameHeader(decoding: bytes.span, seed: 1))?.number ?? 0
  }
  return sum
}

let simulating = Benchmark(name: "both cores: one simulated step", count: 1) { _ in
  UInt64(Simulator(seed: 1).run().stepCount)
}

func nops(_ ring: inout Ring, batch: Int, _ count: Int) -> UInt64 {
  var sum: UInt64 = 0
  for _ in 0..<(count / batch) {
    for index in 0..<batch { _ = ring.enqueue(.nop, userData: UInt64(index)) }
    var done = 0
    // Each turn ends at least one, or the ring has failed and says so.
    while done < batch {
      do { try ring.submit(waitingFor: 1) } catch { return sum }
      while let completion = ring.nextCompletion() {
        sum &+= completion.userData
        done += 1
      }
    }
  }
  return sum
}

// MARK: Running

func show(_ name: String, _ times: [Double]) {
  let figures = [times[0], times[runCount / 2], times[runCount - 1]].map { padded(rounded($0), 9) }
  print(name + padded("", 40 - name.count) + figures.joined())
}

let columns = ["least", "median", "greatest"].map { padded($0, 9) }.joined()
print("nanoseconds" + padded("", 29) + columns)
for benchmark in [encoding, decoding] { show(benchmark.name, measure(benchmark)) }

let steps = Double(Simulator(seed: 1).run().stepCount)
show(simulating.name, measure(simulating).map { $0 / steps })

do {
  var ring = try Ring(RingSetup(arenaByteCount: 1 << 20))
  let page = ArenaRange(offset: 0, count: 4096)
  let frame = ArenaRange(offset: 0, count: 262_144)
  ring.arena.withMutableBytes(frame) { bytes in
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 167) }
  }
  for (name, range, count) in [("4 KiB", page, 20_000), ("256 KiB", frame, 500)] {
    var times: [Double] = []
    for run in 0...runCount {
      let start = nanoseconds()
      for _ in 0..<count { residue &+= ring.arena.xxh3(range) }
      if run > 0 { times.append(Double(nanoseconds() - start) / Double(count)) }
    }
    show("checksum (XXH3-64) of \(name)", times.sorted())
  }
  for batch in [1, 64] {
    var times: [Double] = []
    for run in 0...runCount {
      let start = nanoseconds()
      residue &+= nops(&ring, batch: batch, 64_000)
      if run > 0 { times.append(Double(nanoseconds() - start) / 64_000) }
    }
    show("ring: NOP and back, \(batch) at a time", times.sorted())
  }
} catch {
  print("ring: \(error)")
  exit(5)
}
// Nobody wants to know it, but the compiler must not either.
if residue == 0 { print("nothing was done") }
