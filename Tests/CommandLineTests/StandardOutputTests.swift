import Foundation
import Testing

// Goal: `braid receive > FILE` and `> /dev/DISK` are as good as --output, and what the shell promises
// about standard output holds: position, what is appended to, what stands behind.
// Method: the built command with outputs that the shell has opened in every way.
// Failure: a byte differs, a hole is filled, something else in the file was touched.
extension CommandLineTests {
  @Suite struct StandardOutputs {
    private func pair(_ after: String) -> Pair {
      var pair = Pair()
      pair.send = "--input sent"
      pair.after = after
      return pair
    }

    @Test func `holes of a file stay holes`() throws {
      let folder = try Scratch()
      _ = try run(
        "head -c 300000 \(Sample.path) > sent; truncate -s 200M sent; cat sent > /dev/null",
        in: folder
      )
      try expectEqual(pair("> received").run(in: folder), "sent", "received", in: folder)
      let blocks = try run("stat -c %b received", in: folder).text
      let count = try #require(Int(blocks.trimmingCharacters(in: .whitespacesAndNewlines)))
      #expect(count * 512 < 2 << 20)
    }

    @Test func `a position that was moved on purpose is where it begins, and goes on`() throws {
      let folder = try Scratch()
      _ = try run("head -c 5000001 \(Sample.path) > sent", in: folder)
      var pair = pair("; echo after) > received")
      pair.beforeReceive = "(echo before;"
      let ends = try pair.run(in: folder)
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      let expected = Data("before\n".utf8) + folder.data("sent") + Data("after\n".utf8)
      #expect(folder.data("received") == expected)
    }

    @Test func `what is appended comes behind what is there`() throws {
      let folder = try Scratch()
      _ = try run("head -c 700000 \(Sample.path) > sent; echo old > received", in: folder)
      let ends = try pair(">> received").run(in: folder)
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      #expect(folder.data("received") == Data("old\n".utf8) + folder.data("sent"))
    }

    @Test func `what stands behind the stream is left alone`() throws {
      let folder = try Scratch()
      _ = try run(
        "head -c 100000 /dev/zero > sent; head -c 300000 \(Sample.path) > received; cp received old",
        in: folder
      )
      let ends = try pair("1<> received").run(in: folder)
      #expect(ends.sender.status == 0, "\(ends.sender.messages)")
      let rest = folder.data("old").dropFirst(100_000)
      #expect(folder.data("received") == folder.data("sent") + rest)
    }

    @Test func `of a transfer that fails, what is whole is left`() throws {
      let folder = try Scratch()
      _ = try run("head -c 50000000 \(Sample.path) > sent", in: folder)
      var pair = pair("> received")
      // More is announced than comes: the producer stands still.
      pair.before = "(cat sent; sleep 3) |"
      pair.send = "--verbose"
      pair.receive = "--verbose"
      let started = try pair.start(in: folder)
      try started.waitForSession()
      try until("something was written", within: 10) { !folder.data("received").isEmpty }
      kill(try started.processID("sender"), SIGKILL)
      let ends = try started.wait()
      #expect(ends.receiver.status == 1)
      let length = folder.data("received").count
      #expect(ends.receiver.messages.contains("(\(length) bytes)"), "\(ends.receiver.messages)")
      #expect(try run("cmp -n \(length) sent received", in: folder).status == 0)
    }

    @Test(.enabled(if: LoopDevice.isPossible, "makes loop devices"))
    func `a disk is guarded as by name`() throws {
      let folder = try Scratch()
      _ = try run(
        "head -c 3M \(Sample.path) > sent; truncate -s 8M image; mkfs.ext2 -q image; mkdir place",
        in: folder
      )
      let disk = try LoopDevice("image", sectorByteCount: 512, in: folder)
      _ = try run("mount \(disk.path) place", in: folder)
      let place = "127.0.0.1:\(Port.unused())"
      let command = "exec $BRAID receive --listen \(place) > \(disk.path)"
      let mounted = try run(command, in: folder, limit: 10)
      _ = try run("umount place", in: folder)
      #expect(mounted.status == 2)
      #expect(mounted.messages.contains("\(disk.path) is mounted at"), "\(mounted.messages)")
      let ends = try pair("> \(disk.path)").run(in: folder)
      #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
      #expect(try run("cmp -n 3145728 sent image", in: folder).status == 0)
      _ = try run("truncate -s 9M sent", in: folder)
      let small = try pair("> \(disk.path)").run(in: folder)
      #expect(small.receiver.status == 2)
    }
  }
}
