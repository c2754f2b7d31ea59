import Foundation
import Testing

/// Tests of the release build between two hosts on one machine, one after the other: they share its
/// processors.
@Suite(.serialized) enum LabTests {}

/// Whether the lab can be had, and where things are.
enum Lab {
  /// The folder of Package.swift.
  static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// The command under test.
  static let braid = environment["BRAID"] ?? root + "/.build/release/braid"

  /// Network namespaces are root's; where the lab is required, its absence is a failure.
  static let isAvailable =
    environment["REQUIRE_LAB"] != nil
    || NSUserName() == "root" && FileManager.default.isExecutableFile(atPath: braid)

  static let skipReason: Comment = "needs root and a release build (make build)"

  /// Whether the kernel has a congestion control.
  static func hasCongestionControl(_ name: String) -> Bool {
    let path = "/proc/sys/net/ipv4/tcp_available_congestion_control"
    let names = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return names.split(whereSeparator: \.isWhitespace).contains(Substring(name))
  }

  /// Runs a script by bash, with a limit of its own; what it prints, standard error included.
  static func run(_ script: String, seconds: Int) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["-k", "5", "\(seconds)", "bash", "-c", script]
    var variables = environment
    variables["BRAID"] = braid
    variables["BRAID_KEY"] = nil
    variables["ROOT"] = root
    process.environment = variables
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    // It ends, because timeout(1) ends everything that could write.
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
  }
}

/// One transfer from host a to host b of a lab made for it.
struct Transfer {
  /// Options of `netlab up`: 4 links of 200 Mbit/s carry 96 MB/s, which any machine can.
  var lab = "-l '200mbit 200mbit 200mbit 200mbit'"
  /// After `braid send`; empty if the sender listens.
  var send = "10.99.0.2"
  /// After `braid receive`.
  var receive = ""
  /// How many MiB are sent.
  var mebibytes = 96
  /// In front of the sender: cats the input, or paces it.
  var source = "cat \"$input\""
  /// What happens to the lab meanwhile.
  var meanwhile = ":"

  /// What came of it.
  struct Result {
    let statuses: [Int]
    let isExact: Bool
    /// Bytes on the wire per link, sent by a and received by b.
    let sent: [Double]
    let received: [Double]
    let messages: String

    /// Each link's part of all bytes.
    var sentShares: [Double] { sent.map { $0 / max(sent.reduce(0, +), 1) } }
    var receivedShares: [Double] { received.map { $0 / max(received.reduce(0, +), 1) } }

    /// The largest of the resident sets that both sides reported, in MiB.
    var residentMebibytes: Double {
      let lines = messages.split(separator: "\n").filter { $0.contains(" resident at most") }
      let sizes = lines.compactMap { line -> Double? in
        let words = line.split(separator: " ")
        guard let unit = words.lastIndex(of: "MiB"), unit > 0 else { return nil }
        return Double(words[unit - 1])
      }
      return sizes.count == 2 ? sizes.max() ?? .infinity : .infinity
    }

    /// The number of connections in both summaries.
    var connectionCounts: [Int] {
      let lines = messages.split(separator: "\n").filter { $0.contains("bit/s, ") }
      return lines.compactMap { line in
        let words = line.split(whereSeparator: { $0 == " " || $0 == "," })
        let noun = words.firstIndex { $0.hasPrefix("connection") } ?? 0
        return noun > 0 ? Int(words[noun - 1]) : nil
      }
    }
  }

  /// Builds the lab, carries the bytes, takes it away.
  func run() throws -> Result {
    let ended = try Lab.run(
      """
      "$ROOT/Tests/Lab/netlab" run \(lab) -- bash -c '\(Self.quoted(inner))'
      """,
      seconds: 90
    )
    let lines = ended.text.split(separator: "\n")
    func values(_ key: String) -> [Double] {
      let line = lines.last { $0.hasPrefix("\(key): ") }
      return line?.split(separator: " ").dropFirst().compactMap { Double($0) } ?? []
    }
    let sums = lines.filter { $0.hasPrefix("sum: ") }
    return Result(
      statuses: values("statuses").map { Int($0) },
      isExact: sums.count == 2 && sums[0] == sums[1],
      sent: values("sent"),
      received: values("received"),
      messages: ended.text
    )
  }

  private static func quoted(_ text: String) -> String {
    text.replacing("'", with: "'\\''")
  }

  private var inner: String {
    """
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    input=$folder/input
    head -c \(mebibytes)M /dev/urandom > "$input"
    on() { "$ROOT/Tests/Lab/netlab" on "$@"; }
    stat() { "$ROOT/Tests/Lab/netlab" stat $1 | awk -v column=$2 '{ printf " %d", $column }'; }
    { timeout 60 "$ROOT/Tests/Lab/netlab" on b "$BRAID" receive -v \(receive) 2> receive.err
      echo $? > receive.status; } | sha256sum > sum &
    receiver=$!
    { \(source); } |
      { timeout 60 "$ROOT/Tests/Lab/netlab" on a "$BRAID" send -v \(send) 2> send.err
        echo $? > send.status; } &
    sender=$!
    { \(meanwhile); }
    wait $sender $receiver
    echo "statuses: $(cat send.status) $(cat receive.status)"
    echo "sum: $(cut -d' ' -f1 sum)"
    echo "sum: $(sha256sum < "$input" | cut -d' ' -f1)"
    echo "sent:$(stat a 2)"
    echo "received:$(stat b 3)"
    cat send.err receive.err
    """
  }
}
