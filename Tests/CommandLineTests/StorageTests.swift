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
