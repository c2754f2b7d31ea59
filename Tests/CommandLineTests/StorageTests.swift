import Foundation
import Testing

// Goal: files and disks arrive byte by byte, whatever their length and their sectors, and the page
// cache of the machine stays what it was.
// Method: the built command on loopback between files and loop devices; cmp(1) and sha256sum(1).
// Failure: a side does not exit 0, a byte differs, or something beside the target was touched.
extension CommandLineTests {
  @Suite struct Storage {
    /// What one end of a transfer is.
    enum End: String, CaseIterable {
      case pipe, file, disk512, disk4096

      var sectorByteCount: Int { self == .disk512 ? 512 : 4096 }
      var isDisk: Bool { self == .disk512 || self == .disk4096 }
    }

    static let sizes = [0, 1, 511, 4095, 4097, 1 << 20, 20_000_513]

    @Test(arguments: End.allCases, End.allCases)
    func `every kind of source arrives in every kind of target`(source: End, target: End) throws {
      guard Braid.isRoot || !source.isDisk && !target.isDisk else { return }
      for size in Self.sizes {
        for connections in size == Self.sizes.last ? [1, 4] : [2] {
          try transfer(size, from: source, to: target, connections: connections)
        }
      }
    }

    private func transfer(_ size: Int, from source: End, to target: End, connections: Int) throws {
      let folder = try Scratch()
      var pair = Pair()
      // A disk has whole sectors, and no more than asked for is compared.
      let unit = source.isDisk ? source.sectorByteCount : 1
      let length = max((size + unit - 1) / unit, source.isDisk ? 1 : 0) * unit
      _ = try run("head -c \(length) \(Sample.path) > sent", in: folder)
      var disks: [LoopDevice] = []
      pair.send = "--connections \(connections) --input sent"
      switch source {
      case .pipe:
        pair.send = "--connections \(connections)"
        pair.before = "cat sent |"
      case .file: break
      case .disk512, .disk4096:
        disks.append(try LoopDevice("sent", sectorByteCount: unit, in: folder))
        pair.send = "--connections \(connections) --input \(disks[0].path)"
      }
      pair.after = ""
      pair.receive = "--output received"
      switch target {
      case .pipe:
        pair.after = "| cat > received"
        pair.receive = ""
      case .file: break
      case .disk512, .disk4096:
        // Longer than what comes, and full of other bytes, which must stay behind it.
        let room = (length + 8191) / 4096 * 4096
        _ = try run("head -c \(room) /dev/zero | tr '\\0' x > received", in: folder)
        let disk = try LoopDevice("received", sectorByteCount: target.sectorByteCount, in: folder)
        disks.append(disk)
        pair.receive = "--output \(disk.path)"
      }
      // Whatever the length, all of it can be read back; with one connection it is as without.
      if target != .pipe, connections > 1 { pair.receive += " --verify" }
      let ends = try pair.run(in: folder)
      disks.removeAll()
      if target.isDisk {
        _ = try run("mv received disk; head -c \(length) disk > received", in: folder)
        let rest = try run("tail -c +\(length + 1) disk | tr -d x | wc -c", in: folder)
        #expect(rest.text.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
      }
      try expectEqual(ends, "sent", "received", in: folder)
    }

    @Test(arguments: ["4K", "1M"])
    func `every frame size fits files`(size: String) throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "--frame-size \(size) --input \(Sample.path)"
      pair.receive = "--memory 5M --output received"
      pair.after = ""
      try expectEqual(pair.run(in: folder), Sample.path, "received", in: folder)
    }

    @Test func `standard input that is a file is left behind what was sent`() throws {
      let folder = try Scratch()
      _ = try run("head -c 300000 \(Sample.path) > sent", in: folder)
      var pair = Pair()
      pair.before = "exec < sent; dd bs=1000 count=1 status=none > first;"
      // What comes after the command reads on from where it left the file, which is its end.
      pair.send = "'; status=$?; cat > rest; exit $status #'"
      let ends = try pair.run(in: folder)
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      #expect(folder.data("received") == folder.data("sent").dropFirst(1000))
      #expect(folder.text("rest").isEmpty)
    }

    @Test func `files that hide their length arrive whole`() throws {
      for path in ["/proc/version", "/sys/class/net/lo/address"] {
        let folder = try Scratch()
        var pair = Pair()
        pair.send = "--input \(path)"
        try expectEqual(pair.run(in: folder), path, "received", in: folder)
      }
    }

    @Test func `an input that becomes shorter while it is read is an error at both ends`() throws {
      let folder = try Scratch()
      _ = try run("cp \(Sample.path) sent", in: folder)
      var pair = Pair()
      pair.send = "--input sent --verbose"
      pair.receive = "--verbose"
      // Nobody reads before the file is cut, so that what fits memory is all that was read.
      pair.after = "| (until test -e cut; do sleep 0.05; done; cat > received)"
      let started = try pair.start(in: folder)
      try started.waitForSession()
      _ = try run("truncate -s 60000000 sent; touch cut", in: folder)
      let ends = try started.wait()
      #expect(ends.sender.status == 2)
      #expect(ends.receiver.status == 1)
      #expect(ends.sender.messages.contains("it ended before the length that it had at the start"))
    }

    @Test(arguments: ["touch", "printf x >>", "printf x | dd conv=notrunc status=none of="])
    func `an input that changes while it is sent is an error at both ends`(writer: String) throws {
      let folder = try Scratch()
      _ = try run("cp \(Sample.path) sent", in: folder)
      var pair = Pair()
      pair.send = "--input sent --verbose"
      pair.receive = "--verbose"
      // Nobody reads before the file is written to, so that only a part of it was read by then.
      pair.after = "| (until test -e changed; do sleep 0.05; done; cat > received)"
      let started = try pair.start(in: folder)
      try started.waitForSession()
      _ = try run("\(writer)\(writer.hasSuffix("=") ? "" : " ")sent; touch changed", in: folder)
      let ends = try started.wait()
      #expect(ends.sender.status == 2)
      #expect(ends.receiver.status == 1)
      #expect(ends.receiver.messages.contains("sent has changed while it was sent"))
      #expect(ends.sender.messages.contains("Stop what writes it, or send a snapshot"))
    }

    @Test(.enabled(if: Faults.isFull, "asks for 8 GiB of disk; FAULTS=full"))
    func `a copy of 4 GiB leaves the page cache alone`() throws {
      let folder = try Scratch()
      _ = try run(
        "for i in $(seq 64); do cat \(Sample.path); done > sent; sync",
        in: folder,
        limit: 300
      )
      _ = try run("dd if=sent iflag=nocache count=0 status=none", in: folder)
      let before = try Self.cachedByteCount()
      var pair = Pair()
      pair.send = "--input sent"
      pair.receive = "--output received"
      pair.after = ""
      pair.limit = 300
      let ends = try pair.run(in: folder)
      let growth = try Self.cachedByteCount() - before
      #expect(growth <= 256 << 20, "the page cache grew by \(growth >> 20) MiB")
      try expectEqual(ends, "sent", "received", in: folder)
    }

    // MARK: Zeros

    /// Data at both ends and in the middle of 40 MiB, zeros that take space, and holes.
    private static let sparseFile = """
      truncate -s 40M sent; \
      dd if=\(Sample.path) of=sent bs=1M count=3 conv=notrunc status=none; \
      dd if=\(Sample.path) of=sent bs=1000 count=1777 seek=21111 conv=notrunc status=none; \
      dd if=/dev/zero of=sent bs=1M count=4 seek=30 conv=notrunc status=none; \
      dd if=\(Sample.path) of=sent bs=1 count=1 seek=41943000 conv=notrunc status=none
      """

    private func kibibytes(_ name: String, in folder: Scratch) throws -> Double {
      let text = try run("sync '\(name)'; du -k '\(name)'", in: folder).text
      return try #require(text.split(separator: "\t").first.flatMap { Double($0) })
    }

    @Test(arguments: ["", "--verify"])
    func `a sparse file takes as little space as its source`(option: String) throws {
      let folder = try Scratch()
      _ = try run(Self.sparseFile, in: folder)
      var pair = Pair()
      pair.send = "--input sent"
      pair.receive = "--output received \(option)"
      pair.after = ""
      let ends = try pair.run(in: folder)
      try expectEqual(ends, "sent", "received", in: folder)
      let (sent, received) = (
        try kibibytes("sent", in: folder), try kibibytes("received", in: folder)
      )
      #expect(abs(sent - received) <= max(sent / 100, 16), "\(sent) KiB became \(received)")
      #expect(ends.sender.messages.contains("of zeros not sent"))
    }

    @Test(arguments: [("always", 4700...6000), ("never", 40_960...41_100)])
    func `all zeros become holes, or none`(mode: String, expected: ClosedRange<Double>) throws {
      let folder = try Scratch()
      _ = try run(Self.sparseFile, in: folder)
      var pair = Pair()
      pair.send = "--input sent --sparse \(mode)"
      pair.receive = "--output received --sparse \(mode)"
      pair.after = ""
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
      let received = try kibibytes("received", in: folder)
      #expect(expected.contains(received), "\(received) KiB")
    }

    @Test(arguments: ["sent", "pipe"])
    func `holes are zeros in a pipe, and zeros of a pipe are holes in a file`(kind: String) throws {
      let folder = try Scratch()
      _ = try run(Self.sparseFile, in: folder)
      var pair = Pair()
      if kind == "pipe" {
        pair.before = "cat sent |"
        pair.send = "--sparse always"
        pair.receive = "--output received"
        pair.after = ""
      } else {
        pair.send = "--input sent"
        pair.after = "| cat > received"
      }
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
      if kind == "pipe" { #expect(try kibibytes("received", in: folder) < 10_000) }
    }

    @Test(.enabled(if: Braid.isRoot, "makes loop devices"), arguments: [512, 4096])
    func `a disk has zeros where the source has, and nothing of what was there`(sector: Int) throws
    {
      let folder = try Scratch()
      _ = try run("\(Self.sparseFile); head -c 41943040 \(Sample.path) > received", in: folder)
      var disk: LoopDevice? = try LoopDevice("received", sectorByteCount: sector, in: folder)
      for mode in ["auto", "never"] {
        var pair = Pair()
        pair.send = "--input sent"
        pair.receive = "--output \(disk?.path ?? "") --sparse \(mode)"
        pair.after = ""
        let ends = try pair.run(in: folder)
        #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
        #expect(try run("sync; cmp sent received", in: folder).status == 0)
        _ = try run("dd if=\(Sample.path) of=\(disk?.path ?? "") bs=1M count=40; sync", in: folder)
      }
      disk = nil
    }

    @Test func `a tebibyte with little in it takes no time and no memory`() throws {
      let folder = try Scratch()
      _ = try run(
        "truncate -s 1T sent && dd if=\(Sample.path) of=sent bs=1M count=50 seek=700000 "
          + "conv=notrunc status=none",
        in: folder
      )
      // Some file systems have no files of that length.
      guard try run("test $(stat -c %s sent) = 1099511627776", in: folder).status == 0 else {
        return
      }
      var pair = Pair()
      pair.send = "--input sent --verbose"
      pair.receive = "--output received --verbose"
      pair.after = ""
      let ends = try pair.run(in: folder)
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
      let place = "bs=1M count=52 skip=699999 status=none"
      #expect(
        try run("test $(stat -c %s received) = 1099511627776", in: folder).status == 0
          && run("dd if=sent \(place) > a; dd if=received \(place) | cmp - a", in: folder).status
            == 0
      )
      #expect(try kibibytes("received", in: folder) < 60_000)
      for messages in [ends.sender.messages, ends.receiver.messages] {
        let match = try #require(messages.firstMatch(of: /([0-9.]+) MiB resident at most/))
        #expect(try #require(Double(match.1)) <= 60)
      }
    }

    private static func cachedByteCount() throws -> Int {
      let text = try String(contentsOfFile: "/proc/meminfo", encoding: .ascii)
      let match = try #require(text.firstMatch(of: /\nCached: +([0-9]+) kB/))
      return (Int(match.1) ?? 0) << 10
    }
  }
}

/// A file as a block device; it goes away with the test.
final class LoopDevice {
  /// Such as "/dev/loop3".
  let path: String
  private let folder: Scratch

  /// Makes the file a disk with sectors of that size.
  init(_ name: String, sectorByteCount: Int, in folder: Scratch) throws {
    let command = "losetup --find --show --sector-size \(sectorByteCount) '\(folder.path(name))'"
    let ended = try run(command, in: folder)
    try #require(ended.status == 0, "\(ended.messages)")
    path = ended.text.trimmingCharacters(in: .whitespacesAndNewlines)
    self.folder = folder
  }

  deinit { _ = try? run("losetup --detach \(path)", in: folder) }
}

/// Tests that take long, or want the machine for themselves.
enum Faults {
  /// Whether FAULTS=full asks for them.
  static let isFull = ProcessInfo.processInfo.environment["FAULTS"] == "full"
}
