// Goal: the queues themselves: identity, bounds, time, cancelling, ending.
// Method: a real ring, small where a bound is to be hit.
// A failure here means: completions are lost, doubled, or given to the wrong operation.
import Foundation
import Glibc
import Testing

@testable import Uring

@Suite(needsRing) struct RingTests {
  @Test func `a nop comes back with its user data`() throws {
    try withRing { ring, _ in
      ring.start(.nop, userData: 7)
      ring.start(.nop, userData: UInt64.max - 1)
      let done = try ring.collect(2)
      #expect(done[7]?.map(\.outcome) == [.bytes(0)])
      #expect(done[UInt64.max - 1]?.count == 1)
      #expect(ring.counters.submitted == 2)
      #expect(ring.counters.completed == 2)
      #expect(ring.executing == 0)
    }
  }

  @Test func `a full submission queue refuses and then goes on`() throws {
    var setup = RingSetup(arenaByteCount: 4096)
    setup.submissionEntries = 4
    try withRing(setup) { ring, _ in
      #expect(ring.submissionEntries == 4)
      for index in 0..<4 { ring.start(.nop, userData: UInt64(index)) }
      let isFifthQueued = ring.enqueue(.nop, userData: 4)
      #expect(!isFifthQueued)
      try #expect(ring.collect(4).count == 4)
      ring.start(.nop, userData: 4)
      try #expect(ring.collect(1)[4] != nil)
    }
  }

  @Test func `an overflowing completion queue loses nothing`() throws {
    var setup = RingSetup(arenaByteCount: 4096)
    setup.submissionEntries = 8
    setup.completionEntries = 16
    try withRing(setup) { ring, _ in
      for round in 0..<10 {
        for index in 0..<8 { ring.start(.nop, userData: UInt64(round * 8 + index)) }
        try ring.submit()
      }
      let done = try ring.collect(80)
      #expect(done.count == 80)
      #expect(ring.counters.cqOverflows > 0)
    }
  }

  @Test func `one turn hands out a bounded number of completions`() throws {
    var setup = RingSetup(arenaByteCount: 4096)
    setup.submissionEntries = 8
    setup.completionEntries = 16
    try withRing(setup) { ring, _ in
      for _ in 0..<10 {
        for _ in 0..<8 { ring.start(.nop, userData: 1) }
        try ring.submit()
      }
      // The kernel holds 64 more: unbounded, the first turn would take them all.
      for _ in 0..<5 {
        var taken = 0
        ring.drain { _ in taken += 1 }
        #expect(taken == 16)
        try ring.submit()
      }
      #expect(ring.executing == 0)
    }
  }

  @Test func `a handler may enqueue while it takes completions`() throws {
    try withRing { ring, _ in
      ring.start(.nop, userData: 0)
      var seen: [UInt64] = []
      for _ in 0..<10 {
        try ring.submit(waitingFor: 1, timeout: .seconds(1))
        while let completion = ring.nextCompletion() {
          seen.append(completion.userData)
          ring.start(.nop, userData: completion.userData + 1)
        }
      }
      #expect(seen == Array(0..<10))
    }
  }

  @Test func `waiting ends at its timeout without a completion`() throws {
    try withRing { ring, _ in
      let clock = ContinuousClock()
      let started = clock.now
      try ring.submit(waitingFor: 1, timeout: .milliseconds(30))
      #expect(clock.now - started >= .milliseconds(29))
      #expect(ring.nextCompletion() == nil)
    }
  }

  @Test func `a timeout operation expires`() throws {
    try withRing { ring, _ in
      let clock = ContinuousClock()
      let started = clock.now
      try #expect(ring.outcome(.timeout(.milliseconds(20))) == .failed(.timerExpired))
      #expect(clock.now - started >= .milliseconds(19))
      try #expect(ring.outcome(.timeout(.seconds(-1))) == .failed(.timerExpired))
    }
  }

  @Test func `a deadline in the past expires at once and one ahead later`() throws {
    try withRing { ring, _ in
      try #expect(ring.outcome(.deadline(nanoseconds: 1)) == .failed(.timerExpired))
      var now = timespec()
      _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
      let soon = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) + 20_000_000
      try #expect(ring.outcome(.deadline(nanoseconds: soon)) == .failed(.timerExpired))
    }
  }

  @Test func `each of many timeouts keeps its own time`() throws {
    try withRing { ring, _ in
      // Prepared together: a shared timespec would make all of them last a minute.
      ring.start(.timeout(.milliseconds(5)), userData: 1)
      ring.start(.timeout(.seconds(60)), userData: 2)
      try #expect(ring.collect(1)[1]?.first?.outcome == .failed(.timerExpired))
    }
  }

  @Test func `cancelling by user data ends a waiting receive`() throws {
    try withRing { ring, files in
      let (client, _) = try files.connection(&ring)
      let receive = Operation.receive(.descriptor(client), into: range(0, 100), exactly: true)
      ring.start(receive, userData: 10)
      try ring.submit()
      ring.start(.cancel(userData: 10), userData: 11)
      let done = try ring.collect(2)
      #expect(done[10]?.first?.outcome == .failed(.cancelled))
      #expect(done[11]?.first?.outcome == .bytes(0))
    }
  }

  @Test func `cancelling what is not there says so`() throws {
    try withRing { ring, _ in
      try #expect(ring.outcome(.cancel(userData: 12345)) == .failed(.noEntry))
    }
  }

  @Test func `a cancelled receive gives back what it had`() throws {
    try withRing { ring, files in
      let (client, server) = try files.connection(&ring)
      let receive = Operation.receive(.descriptor(server), into: range(4096, 100), exactly: true)
      ring.start(receive, userData: 10)
      try #expect(ring.outcome(.send(.descriptor(client), from: range(0, 7))) == .bytes(7))
      // The bytes are on loopback already; let the waiting receive copy them.
      try ring.submit(waitingFor: 1, timeout: .milliseconds(20))
      ring.start(.cancel(userData: 10), userData: 11)
      try #expect(ring.collect(2)[10]?.first?.outcome == .bytes(7))
    }
  }

  @Test func `cancelling by descriptor ends all of its operations`() throws {
    try withRing { ring, files in
      let (reader, _) = try files.pipe()
      for index in 0..<5 {
        let read = Operation.read(.descriptor(reader), into: range(index * 8, 8), at: nil)
        ring.start(read, userData: UInt64(100 + index))
      }
      try ring.submit()
      ring.start(.cancelAll(.descriptor(reader)), userData: 9)
      let done = try ring.collect(6)
      #expect(done[9]?.first?.outcome == .bytes(5))
      for index in 0..<5 {
        #expect(done[UInt64(100 + index)]?.first?.outcome == .failed(.cancelled))
      }
    }
  }

  @Test func `a ring with armed operations can be dropped`() throws {
    let files = Files()
    defer { files.closeAll() }
    for _ in 0..<3 {
      var ring = try Ring(RingSetup(arenaByteCount: 1 << 20))
      let (client, _) = try files.connection(&ring)
      let (reader, _) = try files.pipe()
      let receive = Operation.receive(.descriptor(client), into: range(0, 4096), exactly: true)
      ring.start(receive, userData: 5)
      ring.start(.read(.descriptor(reader), into: range(4096, 10), at: nil), userData: 6)
      ring.start(.timeout(.seconds(3600)), userData: 7)
      try ring.submit()
      // Prepared only: its memory is never seen by the kernel unless it is submitted.
      ring.start(.read(.descriptor(reader), into: range(8192, 10), at: nil), userData: 8)
      #expect(ring.executing == 4)
    }
  }

  @Test func `a signal ends a wait early and is no error`() throws {
    try withRing { ring, _ in
      signal(SIGUSR1) { _ in }
      // Threads of the pool that runs the tests block all signals.
      var signals = sigset_t()
      unsafe sigemptyset(&signals)
      unsafe sigaddset(&signals, SIGUSR1)
      unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      let target = pthread_self()
      Thread.detachNewThread {
        usleep(20_000)
        pthread_kill(target, SIGUSR1)
      }
      let clock = ContinuousClock()
      let started = clock.now
      try ring.submit(waitingFor: 1, timeout: .seconds(2))
      #expect(clock.now - started < .seconds(2))
      #expect(ring.nextCompletion() == nil)
    }
  }

  @Test func `the ring says what it got`() throws {
    try withRing { ring, _ in
      #expect(ring.submissionEntries == 256)
      #expect(ring.completionEntries == 4096)
      #expect(ring.features.contains(.noDrop))
      #expect(!ring.features.description.isEmpty)
    }
  }
}
