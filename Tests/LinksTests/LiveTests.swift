import Foundation
import Glibc
import Testing

@testable import Links

/// Tests against the running kernel, in a network namespace of their own where they need one.
struct LiveTests {
  @Test func `the loopback interface is found, and its counters move`() throws {
    let socket = try NetlinkSocket()
    let loopback = try #require(try socket.links().first { $0.isLoopback })
    let before = try #require(try socket.counters(interfaceIndices: [loopback.index]).first)
    let datagram = try UDP.sendOverLoopback(bytes: 1000)
    // Loopback counts when it sends; other traffic may add to it but never takes away.
    let after = try #require(try socket.counters(interfaceIndices: [loopback.index]).first)
    #expect(after.sentBytes >= before.sentBytes + UInt64(datagram))
    let gone = try socket.counters(interfaceIndices: [loopback.index, 0x7fff_0000])
    #expect(gone.map(\.interfaceIndex) == [loopback.index])
  }

  @Test func `the way to this host is loopback`() throws {
    let peer = try #require(IPAddress("127.0.0.1"))
    let topology = try Topology.toward(peer: peer, peerPort: 27243)
    guard case .loopback = topology.egress else {
      Issue.record("not loopback: \(topology.egress)")
      return
    }
    #expect(topology.spread == .one && topology.advice.isEmpty)
    #expect(topology.links.count == 1 && topology.links.first?.isVirtual == true)
    #expect(!Host().kernelRelease.isEmpty)
  }

  @Test(
    .enabled(if: geteuid() == 0, "needs root for a network namespace"),
    arguments: [
      (local: "10.77.0.1", peer: "10.88.0.2"),
      (local: "fd77::1", peer: "fd88::2"),
    ]
  )
  func `a multipath route sends each port where its lookup said`(
    way: (local: String, peer: String)
  ) throws {
    let source = try #require(IPAddress(way.local))
    let peer = try #require(IPAddress(way.peer))
    let report = try Namespace.run(Self.setup) { () throws -> [String] in
      let topology = try Topology.toward(peer: peer, peerPort: 27243, from: source)
      guard topology.spread == .byPort, topology.links.map(\.name) == ["d1", "d2", "d3", "d4"]
      else { return ["\(topology)"] }
      let socket = try NetlinkSocket()
      let indices = topology.links.map(\.interfaceIndex)
      var wrong: [String] = []
      var carried = [Int](repeating: 0, count: 4)
      // 50 ports miss one of four links once in a million runs.
      for port in UInt16(40000)..<40050 {
        let foreseen = topology.link(forSourcePort: port)
        let before = try socket.counters(interfaceIndices: indices)
        try UDP.sendFirstSegment(from: source, port: port, to: peer, port: 27243)
        let after = try socket.counters(interfaceIndices: indices)
        let sent = indices.indices.filter { after[$0].sentBytes > before[$0].sentBytes }
        // The kernel may send something of its own meanwhile, so others may move as well.
        let isRight = foreseen.map { sent.contains($0) } ?? false
        if !isRight { wrong.append("port \(port): \(sent), not \(foreseen ?? -1)") }
        if let foreseen { carried[foreseen] += 1 }
      }
      return wrong + (carried.contains(0) ? ["links without a port: \(carried)"] : [])
    }
    #expect(report.isEmpty)
  }

  /// Four pairs of veth whose near ends are the next hops of one route.
  ///
  /// No address is made by itself and nothing is asked of neighbours, so that the first segment
  /// of a connection is all that is sent.
  static let setup = """
    set -e
    sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1 \
      net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.accept_ra=0
    ip link set lo up
    ip addr add 10.77.0.1/32 dev lo
    ip addr add fd77::1/128 dev lo nodad
    four= six=
    for k in 1 2 3 4; do
      ip link add d$k type veth peer name e$k
      ip link set d$k up
      ip link set e$k up
      ip addr add 10.77.$k.1/24 dev d$k
      ip addr add fd77:$k::1/64 dev d$k nodad
      ip neigh add 10.77.$k.2 lladdr 02:00:00:00:00:0$k dev d$k nud permanent
      ip neigh add fd77:$k::2 lladdr 02:00:00:00:00:0$k dev d$k nud permanent
      four="$four nexthop via 10.77.$k.2 dev d$k"
      six="$six nexthop via fd77:$k::2 dev d$k"
    done
    ip route add 10.88.0.2/32 src 10.77.0.1 $four
    ip route add fd88::2/128 $six
    # Reports of multicast groups are sent for some seconds after an interface comes up.
    sleep 3
    """
}

/// Sends small things.
enum UDP {
  enum Failure: Error { case call(String, Int32) }

  /// Sends a datagram to the discard port and says how many bytes it had.
  static func sendOverLoopback(bytes: Int) throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { _ = close(descriptor) }
    let payload = [UInt8](repeating: 1, count: bytes)
    let sent = try unsafe withAddress(.v4(0x7f00_0001), port: 9) { address, size in
      unsafe sendto(descriptor, payload, payload.count, 0, address, size)
    }
    guard sent == bytes else { throw Failure.call("sendto", errno) }
    return sent
  }

  /// Starts a TCP connection that nobody will answer.
  static func sendFirstSegment(
    from source: IPAddress,
    port: UInt16,
    to peer: IPAddress,
    port peerPort: UInt16
  ) throws {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(Int32(source.family), type, 0)
    defer { _ = close(descriptor) }
    let bound = try unsafe withAddress(source, port: port) { unsafe bind(descriptor, $0, $1) }
    guard bound == 0 else { throw Failure.call("bind", errno) }
    let connected = try unsafe withAddress(peer, port: peerPort) {
      unsafe connect(descriptor, $0, $1)
    }
    guard connected == 0 || errno == EINPROGRESS else { throw Failure.call("connect", errno) }
  }

  private static func withAddress<Result>(
    _ address: IPAddress,
    port: UInt16,
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
  ) throws -> Result {
    // struct sockaddr_in and sockaddr_in6 as bytes: family, port, then the address.
    var bytes = [UInt8](repeating: 0, count: address.family == 2 ? 16 : 28)
    bytes[0] = address.family
    bytes[2] = UInt8(port >> 8)
    bytes[3] = UInt8(port & 0xff)
    let start = address.family == 2 ? 4 : 8
    bytes.replaceSubrange(start..<start + address.bytes.count, with: address.bytes)
    return try unsafe bytes.withUnsafeBytes { raw in
      let size = socklen_t(raw.count)
      guard let pointer = unsafe raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
        throw Failure.call("address", EINVAL)
      }
      return try unsafe body(pointer, size)
    }
  }
}

/// A network namespace that lives as long as one thread.
enum Namespace {
  /// Prepares a fresh namespace by a shell script and runs a body in it.
  static func run<Value: Sendable>(
    _ script: String,
    _ body: @escaping @Sendable () throws -> Value
  ) throws -> Value {
    let box = Box<Value>()
    let done = DispatchSemaphore(value: 0)
    // A thread of its own: unshare() changes the calling thread only, and its end undoes it.
    Thread.detachNewThread {
      unsafe box.result = Result {
        try unshareNetwork()
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script]
        try shell.run()
        shell.waitUntilExit()
        guard shell.terminationStatus == 0 else { throw UDP.Failure.call("script", 0) }
        return try body()
      }
      done.signal()
    }
    done.wait()
    guard let result = unsafe box.result else { throw UDP.Failure.call("thread", 0) }
    return try result.get()
  }

  /// Carries a result from the thread; the semaphore orders the two accesses.
  private final class Box<Value: Sendable>: @unchecked Sendable {
    nonisolated(unsafe) var result: Result<Value, any Error>?
  }

  private static func unshareNetwork() throws {
    // Not in the module map without _GNU_SOURCE, hence by name.
    guard let symbol = unsafe dlsym(nil, "unshare") else {
      throw UDP.Failure.call("dlsym", ENOSYS)
    }
    let unshare = unsafe unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)
    // CLONE_NEWNET.
    guard unshare(0x4000_0000) == 0 else { throw UDP.Failure.call("unshare", errno) }
  }
}
