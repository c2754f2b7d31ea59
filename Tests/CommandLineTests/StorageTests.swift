import Foundation
import Testing

// Goal: files and disks arrive byte by byte, whatever their length and their sectors, and the page
// cache of the machine stays what it was.
// Method: the built command on loopback between files and loop devices; cmp(1) and sha256sum(1).
// Failure: a side does not exit 0, a byte differs, or something beside the target was touched.
extension CommandLineTests {
  @Suite struct Storage {
    @Test(arguments: Copy.End.files, [Copy.End.pipe, .file])
    func `every kind of file arrives as every kind of file`(source: Copy.End, target: Copy.End)
      throws
    {
      try Copy.every(from: source, to: target)
    }

    @Test(
      .enabled(if: LoopDevice.isPossible, "makes loop devices"),
      arguments: Copy.End.allCases,
      Copy.End.disks
    )
    func `every kind of source arrives on every kind of disk`(source: Copy.End, target: Copy.End)
      throws
    {
      try Copy.every(from: source, to: target)
    }

    @Test(
      .enabled(if: LoopDevice.isPossible, "makes loop devices"),
      arguments: Copy.End.disks,
      [Copy.End.pipe, .file]
    )
    func `every kind of disk arrives as every kind of file`(source: Copy.End, target: Copy.End)
      throws
    {
      try Copy.every(from: source, to: target)
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
      let started = try pair.start(in: folder)
      var most = before
      while started.receiver.isRunning {
        most = max(most, try Self.cachedByteCount())
        Thread.sleep(forTimeInterval: 0.05)
      }
      #expect(most - before <= 256 << 20, "the page cache grew by \((most - before) >> 20) MiB")
      print("the page cache grew by \((most - before) >> 20) MiB")
      let ends = try started.wait()
      #expect(ends.sender.status == 0 && ends.receiver.status == 0, "\(ends.receiver.messages)")
      #expect(try run("cmp sent received", in: folder, limit: 300).status == 0)
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

    @Test(.enabled(if: LoopDevice.isPossible, "makes loop devices"), arguments: [512, 4096])
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

    @Test(.enabled(if: Scratch.hasLongFiles, "this file system has no files of 1 TiB"))
    func `a tebibyte with little in it takes no time and no memory`() throws {
      let folder = try Scratch()
      _ = try run(
        "truncate -s 1T sent && dd if=\(Sample.path) of=sent bs=1M count=50 seek=700000 "
          + "conv=notrunc status=none",
        in: folder
      )
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
