// Goal: pipes and files: short counts, ends, offsets, reserving, synchronizing.
// Method: both inside the registered part of the arena and outside of it.
// A failure here means: bytes at a wrong place, or a short count taken for a whole one.
import Glibc
import Testing

@testable import Uring

@Suite(needsRing) struct StreamTests {
  @Test(arguments: [true, false])
  func `a pipe carries bytes`(isRegistered: Bool) throws {
    var setup = RingSetup(arenaByteCount: 2 << 20)
    setup.bufferPlaces = isRegistered ? 2 : 0
    try withRing(setup) { ring, files in
      ring.divide(ring.arena.range, pieceByteCount: 1 << 20)
      let (reader, writer) = try files.pipe()
      ring.fill(range(0, 1000), with: 3)
      let write = Operation.write(.descriptor(writer), from: range(0, 1000), at: nil)
      try #expect(ring.outcome(write) == .bytes(1000))
      let read = Operation.read(.descriptor(reader), into: range(4096, 5000), at: nil)
      try #expect(ring.outcome(read) == .bytes(1000))
      #expect(ring.arena.xxh3(range(0, 1000)) == ring.arena.xxh3(range(4096, 1000)))
      #expect(ring.registeredByteCount == (isRegistered ? 1 << 20 : 0))
    }
  }

  @Test func `a pipe takes what fits`() throws {
    try withRing { ring, files in
      let (_, writer) = try files.pipe()
      let capacity = try #require(Pipe.grow(writer, to: 4096))
      let write = Operation.write(.descriptor(writer), from: range(0, 1 << 20), at: nil)
      try #expect(ring.outcome(write) == .bytes(capacity))
    }
  }

  @Test func `a read waits for its pipe and then sees the end`() throws {
    try withRing { ring, files in
      let (reader, writer) = try files.pipe()
      ring.start(.read(.descriptor(reader), into: range(0, 100), at: nil), userData: 1)
      try ring.submit()
      #expect(ring.nextCompletion() == nil)
      ring.start(.write(.descriptor(writer), from: range(200, 5), at: nil), userData: 2)
      try #expect(ring.collect(2)[1]?.first?.outcome == .bytes(5))
      files.close(writer)
      let read = Operation.read(.descriptor(reader), into: range(0, 100), at: nil)
      try #expect(ring.outcome(read) == .bytes(0))
    }
  }

  @Test func `writing without a reader is a broken pipe and no signal`() throws {
    try withRing { ring, files in
      _ = signal(SIGPIPE, SIG_IGN)
      let (reader, writer) = try files.pipe()
      files.close(reader)
      let write = Operation.write(.descriptor(writer), from: range(0, 5), at: nil)
      try #expect(ring.outcome(write) == .failed(.brokenPipe))
    }
  }

  @Test func `polling tells when a pipe can be read`() throws {
    try withRing { ring, files in
      let (reader, writer) = try files.pipe()
      let poll = Operation.poll(.descriptor(reader), readable: true, writable: false)
      ring.start(poll, userData: 1)
      try ring.submit()
      #expect(ring.nextCompletion() == nil)
      ring.start(.write(.descriptor(writer), from: range(0, 1), at: nil), userData: 2)
      try #expect(ring.collect(2)[1]?.first?.outcome == .bytes(Int(POLLIN)))
    }
  }

  @Test(arguments: [true, false])
  func `a file keeps bytes at their offsets`(isRegistered: Bool) throws {
    var setup = RingSetup(arenaByteCount: 2 << 20)
    setup.bufferPlaces = isRegistered ? 512 : 0
    try withRing(setup) { ring, files in
      ring.divide(ring.arena.range, pieceByteCount: 4096)
      let file = RingFile.descriptor(try files.temporary())
      ring.fill(range(0, 8192), with: 9)
      ring.start(.write(file, from: range(4096, 4096), at: 4096), userData: 1)
      ring.start(.write(file, from: range(0, 4096), at: 0), userData: 2)
      try #expect(ring.collect(2).values.allSatisfy { $0.first?.outcome == .bytes(4096) })
      try #expect(ring.outcome(.synchronize(file, dataOnly: true)) == .bytes(0))
      try #expect(ring.outcome(.synchronize(file, dataOnly: false)) == .bytes(0))
      try #expect(ring.outcome(.read(file, into: range(16384, 10000), at: 0)) == .bytes(8192))
      #expect(ring.arena.xxh3(range(0, 8192)) == ring.arena.xxh3(range(16384, 8192)))
      try #expect(ring.outcome(.read(file, into: range(0, 10), at: 8192)) == .bytes(0))
    }
  }

  @Test func `space can be reserved with and without making the file longer`() throws {
    try withRing { ring, files in
      let descriptor = try files.temporary()
      let file = RingFile.descriptor(descriptor)
      let kept = Operation.allocate(file, offset: 0, byteCount: 1 << 16, .reservedBehindTheEnd)
      try #expect(ring.outcome(kept) == .bytes(0))
      #expect(lseek(descriptor, 0, SEEK_END) == 0)
      let longer = Operation.allocate(file, offset: 0, byteCount: 1 << 16, .reserved)
      try #expect(ring.outcome(longer) == .bytes(0))
      #expect(lseek(descriptor, 0, SEEK_END) == 1 << 16)
    }
  }

  @Test func `parts of a file become zeros, with and without space, and are found again`() throws {
    try withRing { ring, files in
      let descriptor = try files.temporary()
      let file = RingFile.descriptor(descriptor)
      ring.fill(range(0, 1 << 18), with: 7)
      try #expect(
        ring.outcome(.write(file, from: range(0, 1 << 18), at: 0)) == .bytes(1 << 18)
      )
      let hole = Operation.allocate(file, offset: 1 << 16, byteCount: 1 << 16, .hole)
      let outcome = try ring.outcome(hole)
      // A file system that cannot do it says so.
      guard outcome != .failed(.notSupported) else { return }
      #expect(outcome == .bytes(0))
      #expect(Disk.nextData(in: descriptor, from: 0, before: 1 << 18) == 0..<1 << 16)
      #expect(Disk.nextData(in: descriptor, from: 1 << 16, before: 1 << 18) == 1 << 17..<1 << 18)
      #expect(Disk.nextData(in: descriptor, from: 1 << 16, before: 100_000) == 100_000..<100_000)
      let end: UInt64 = 1 << 18
      #expect(Disk.nextData(in: descriptor, from: end, before: end) == end..<end)
      _ = try ring.outcome(.read(file, into: range(0, 1 << 18), at: 0))
      let expected = [
        (range(1 << 16, 1 << 16), true), (range((1 << 16) - 1, 1 << 16), false),
        (range(1 << 16, (1 << 16) + 1), false), (range(0, 0), true),
      ]
      for (range, isZero) in expected {
        let result = ring.arena.isZero(range)
        #expect(result == isZero, "\(range)")
      }
      let zeros = Operation.allocate(file, offset: 1 << 18, byteCount: 1 << 16, .zeros)
      guard try ring.outcome(zeros) == .bytes(0) else { return }
      #expect(lseek(descriptor, 0, SEEK_END) == 5 << 16)
    }
  }

  @Test func `synchronizing a pipe is refused with its reason`() throws {
    try withRing { ring, files in
      let (_, writer) = try files.pipe()
      let outcome = try ring.outcome(.synchronize(.descriptor(writer), dataOnly: false))
      #expect(outcome == .failed(.invalid))
    }
  }

  @Test func `a closed descriptor fails and stops nothing else`() throws {
    try withRing { ring, _ in
      ring.start(.read(.descriptor(1_000_000), into: range(0, 8), at: nil), userData: 1)
      ring.start(.nop, userData: 2)
      let done = try ring.collect(2)
      #expect(done[1]?.first?.outcome == .failed(.badDescriptor))
      #expect(done[2]?.first?.outcome == .bytes(0))
    }
  }

  @Test func `growing a pipe tells its size and a file is no pipe`() throws {
    let files = Files()
    defer { files.closeAll() }
    let (_, writer) = try files.pipe()
    let before = try #require(Pipe.grow(writer, to: 1))
    try #expect(#require(Pipe.grow(writer, to: 1 << 20)) >= before)
    #expect(Pipe.grow(try files.temporary(), to: 1 << 20) == nil)
  }
}
