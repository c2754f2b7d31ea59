// Goal: sockets on the ring: exact receives, ends, zero-copy notifications, registered places.
// Method: TCP on loopback, connected by the ring itself.
// A failure here means: memory would be reused too early, or an end or a short count be missed.
import Glibc
import Testing

@testable import Uring

@Suite(needsRing) struct SocketTests {
  @Test(arguments: [SocketAddress.Family.v4, .v6])
  func `accept and connect meet`(family: SocketAddress.Family) throws {
    try withRing { ring, files in
      let (listener, address) = try files.listener(family)
      let client = files.keep(try Socket.tcp(family).release())
      ring.start(.accept(.descriptor(listener)), userData: 1)
      try ring.submit()
      ring.start(.connect(.descriptor(client), to: address), userData: 2)
      let done = try ring.collect(2)
      #expect(done[2]?.first?.outcome == .bytes(0))
      let server = files.keep(try #require(done[1]?.first?.result))
      try #expect(Socket.remoteAddress(client) == address)
      try #expect(Socket.remoteAddress(server) == Socket.localAddress(client))
    }
  }

  @Test func `connecting where nobody listens is refused`() throws {
    try withRing { ring, files in
      let (listener, address) = try files.listener()
      files.close(listener)
      let client = files.keep(try Socket.tcp(.v4).release())
      let outcome = try ring.outcome(.connect(.descriptor(client), to: address))
      #expect(outcome == .failed(.connectionRefused))
    }
  }

  @Test func `an exact receive fills its range from many sends`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      ring.fill(range(0, 3000), with: 5)
      let into = range(8192, 3000)
      ring.start(.receive(.descriptor(server), into: into, exactly: true), userData: 1)
      for part in 0..<3 {
        let send = Operation.send(.descriptor(client), from: range(part * 1000, 1000))
        try #expect(ring.outcome(send) == .bytes(1000))
        if part < 2 { #expect(ring.executing == 1, "the receive waits for the rest") }
      }
      try #expect(ring.collect(1)[1]?.first?.outcome == .bytes(3000))
      #expect(ring.arena.xxh3(range(0, 3000)) == ring.arena.xxh3(into))
    }
  }

  @Test func `an inexact receive takes what is there`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      try #expect(ring.outcome(.send(.descriptor(client), from: range(0, 10))) == .bytes(10))
      let receive = Operation.receive(.descriptor(server), into: range(64, 99), exactly: false)
      try #expect(ring.outcome(receive) == .bytes(10))
    }
  }

  @Test func `an end in the middle gives a short count and then none`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      let receive = Operation.receive(.descriptor(server), into: range(0, 300), exactly: true)
      ring.start(receive, userData: 1)
      try #expect(ring.outcome(.send(.descriptor(client), from: range(4096, 100))) == .bytes(100))
      try Socket.shutdown(client, .sending)
      try #expect(ring.collect(1)[1]?.first?.outcome == .bytes(100))
      try #expect(ring.outcome(receive) == .bytes(0))
    }
  }

  @Test func `discarded bytes are gone and the next ones stay`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      ring.fill(range(0, 120), with: 1)
      ring.start(.discard(.descriptor(server), byteCount: 100), userData: 1)
      // In two parts, the second one longer than what is missing.
      try #expect(ring.outcome(.send(.descriptor(client), from: range(0, 60))) == .bytes(60))
      try #expect(ring.collect(1)[1]?.first?.outcome == .bytes(60))
      try #expect(ring.outcome(.send(.descriptor(client), from: range(60, 60))) == .bytes(60))
      try #expect(ring.outcome(.discard(.descriptor(server), byteCount: 40)) == .bytes(40))
      let rest = Operation.receive(.descriptor(server), into: range(4096, 20), exactly: true)
      try #expect(ring.outcome(rest) == .bytes(20))
      #expect(ring.arena.xxh3(range(100, 20)) == ring.arena.xxh3(range(4096, 20)))
    }
  }

  @Test func `a send larger than all socket buffers completes whole`() throws {
    try withRing(RingSetup(arenaByteCount: 32 << 20)) { ring, files in
      let (client, server) = try files.connection(&ring)
      let whole = 16 << 20
      ring.start(.send(.descriptor(client), from: range(0, whole)), userData: 1)
      let receive = Operation.receive(.descriptor(server), into: range(whole, whole), exactly: true)
      ring.start(receive, userData: 2)
      let done = try ring.collect(2)
      #expect(done[1]?.first?.outcome == .bytes(whole))
      #expect(done[2]?.first?.outcome == .bytes(whole))
    }
  }

  @Test(arguments: [true, false])
  func `a zero-copy send is notified and loopback copies`(isRegistered: Bool) throws {
    var setup = RingSetup(arenaByteCount: 1 << 20)
    setup.bufferPlaces = isRegistered ? 1 : 0
    try withRing(setup) { ring, files in
      ring.divide(ring.arena.range, pieceByteCount: 1 << 20)
      try #require(ring.features.contains(.sendZeroCopy))
      let (client, server) = try files.connection(&ring)
      ring.fill(range(0, 65536), with: 4)
      ring.start(.sendZeroCopy(.descriptor(client), from: range(0, 65536)), userData: 1)
      let into = range(65536, 65536)
      ring.start(.receive(.descriptor(server), into: into, exactly: true), userData: 2)
      let done = try ring.collect(3)
      let sent = try #require(done[1])
      #expect(sent.map(\.isNotification) == [false, true])
      #expect(sent.map(\.hasMore) == [true, false])
      #expect(sent.map(\.outcome) == [.bytes(65536), .bytes(0)])
      #expect(sent.map(\.wasCopied) == [false, true])
      #expect(sent[1].result < 0, "the copied bit makes a result negative that is no error")
      #expect(ring.arena.xxh3(range(0, 65536)) == ring.arena.xxh3(into))
      #expect(ring.executing == 0)
      #expect(ring.registeredByteCount == (isRegistered ? 1 << 20 : 0))
    }
  }

  @Test func `a failed zero-copy send is notified when it says so`() throws {
    try withRing { ring, files in
      let (client, _) = try files.connection(&ring)
      try Socket.shutdown(client, .both)
      ring.start(.sendZeroCopy(.descriptor(client), from: range(0, 65536)), userData: 1)
      let first = try #require(try ring.collect(1)[1])
      #expect(first.first?.outcome == .failed(.brokenPipe))
      let isAnotherDue = first.count == 1 && first.first?.hasMore == true
      if isAnotherDue { try #expect(ring.collect(1)[1]?.first?.isNotification == true) }
    }
  }

  @Test func `a registered socket stays open until its place is emptied`() throws {
    var setup = RingSetup(arenaByteCount: 1 << 20)
    setup.filePlaces = 4
    try withRing(setup) { ring, files in
      let (client, server) = try files.connection(&ring)
      try ring.setFile(2, to: client)
      files.close(client)
      try #expect(ring.outcome(.send(.registered(2), from: range(0, 9))) == .bytes(9))
      let receive = Operation.receive(.descriptor(server), into: range(64, 9), exactly: true)
      try #expect(ring.outcome(receive) == .bytes(9))
      ring.start(receive, userData: 1)
      try ring.submit(waitingFor: 1, timeout: .milliseconds(20))
      #expect(ring.nextCompletion() == nil, "close alone sends no end")
      try ring.setFile(2, to: nil)
      try #expect(ring.collect(1)[1]?.first?.outcome == .bytes(0))
      try #expect(ring.outcome(.send(.registered(2), from: range(0, 9))) == .failed(.badDescriptor))
      #expect(throws: Errno.self) { try ring.setFile(4, to: server) }
    }
  }

  @Test func `cancelling a registered place ends its operations`() throws {
    var setup = RingSetup(arenaByteCount: 1 << 20)
    setup.filePlaces = 2
    try withRing(setup) { ring, files in
      let (client, _) = try files.connection(&ring)
      try ring.setFile(1, to: client)
      let receive = Operation.receive(.registered(1), into: range(0, 9), exactly: true)
      ring.start(receive, userData: 1)
      try ring.submit()
      ring.start(.cancelAll(.registered(1)), userData: 2)
      let done = try ring.collect(2)
      #expect(done[1]?.first?.outcome == .failed(.cancelled))
      #expect(done[2]?.first?.outcome == .bytes(1))
    }
  }

  @Test func `closing with a reset reaches the peer as one`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      try Socket.set(.resetOnClose(true), on: client)
      let receive = Operation.receive(.descriptor(server), into: range(0, 9), exactly: true)
      ring.start(receive, userData: 1)
      try ring.submit()
      files.close(client)
      try #expect(ring.collect(1)[1]?.first?.outcome == .failed(.connectionReset))
    }
  }

  @Test func `the kernel tells about a connection`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      try #expect(ring.outcome(.send(.descriptor(client), from: range(0, 5000))) == .bytes(5000))
      let receive = Operation.receive(.descriptor(server), into: range(0, 5000), exactly: true)
      try #expect(ring.outcome(receive) == .bytes(5000))
      let sender = try Socket.information(client)
      #expect(sender.state == .established)
      #expect(sender.segmentByteCount > 500)
      #expect(sender.congestionWindowSegments > 0)
      #expect(sender.sentByteCount == 5000)
      try #expect(Socket.information(server).receivedByteCount == 5000)
      try #expect(Socket.unacknowledgedByteCount(client) <= 5000)
      #expect(Socket.pendingError(client) == nil)
    }
  }
}
