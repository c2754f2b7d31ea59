import Foundation
import Testing

// Goal: nothing is overwritten that somebody needs, and nobody finds half a file.
// Method: the built command with outputs that are in use in every way; what is there afterwards.
// Failure: braid starts, the output was touched, or a file is there before it is whole.
extension CommandLineTests {
  @Suite struct Guards {
    /// Runs a receiver that has to refuse its output, and gives its sentence.
    private func refusal(_ output: String, in folder: Scratch) throws -> String {
      let place = "127.0.0.1:\(Port.unused())"
      // A file that another braid writes is waited for, 10 s.
      let ended = try run("exec $BRAID receive --listen \(place) \(output)", in: folder, limit: 30)
      #expect(ended.status == 2, "\(ended.messages)")
      return ended.messages
    }

    private func transfer(_ output: String, in folder: Scratch) throws -> (Ended, Ended) {
      var pair = Pair()
      pair.send = "--input sent"
      pair.receive = "--output received \(output)"
      pair.after = ""
      return try pair.run(in: folder)
    }

    @Test func `a file that is not empty is replaced only by force, with its mode`() throws {
      let folder = try Scratch()
      _ = try run(
        "echo old > received; chmod 640 received; head -c 9999 /dev/zero > sent",
        in: folder
      )
      let sentence = try refusal("--output received", in: folder)
      #expect(sentence.contains("received exists, and has 4 bytes"))
      #expect(sentence.contains("--force"))
      #expect(try refusal("--in-place --output received", in: folder).contains("exists"))
      #expect(folder.text("received") == "old\n")
      try expectEqual(transfer("--force", in: folder), "sent", "received", in: folder)
      #expect(try run("stat -c %a received", in: folder).text == "640\n")
    }

    @Test func `an empty file, and a link to none, are no obstacle`() throws {
      let folder = try Scratch()
      _ = try run("echo new > sent; touch file; ln -s file received", in: folder)
      try expectEqual(transfer("", in: folder), "sent", "file", in: folder)
      #expect(try run("test -L received", in: folder).status == 0)
    }

    @Test func `a link to what is not UTF-8 is refused, and not taken for another`() throws {
      let folder = try Scratch()
      let old = "\"$(printf 'old\\377')\""
      _ = try run("echo new > sent; echo old > \(old); ln -s \(old) received", in: folder)
      _ = try run("ln -s \"$(printf 'none\\377')\" empty", in: folder)
      for output in ["received --force", "received --force --in-place --resume", "empty"] {
        let sentence = try refusal("--output \(output)", in: folder)
        #expect(sentence.contains("leads to a path that is not in UTF-8"), "\(sentence)")
      }
      // No other file was made, and the one that is there is as it was.
      let left = "ls -A | LC_ALL=C grep -ac 'old\\|none'; cat \(old)"
      #expect(try run(left, in: folder).text == "1\nold\n")
      var pair = Pair()
      pair.send = "--input sent"
      pair.after = "> received"
      try expectEqual(pair.run(in: folder), "sent", "received", in: folder)
    }

    @Test func `the working directory may have any name`() throws {
      let folder = try Scratch()
      let makeFolder = "mkdir \"$(printf 'in\\377')\""
      _ = try run("echo new > sent; \(makeFolder); cd in*; touch received", in: folder)
      var pair = Pair()
      pair.send = "--input sent"
      pair.beforeReceive = "cd in*;"
      pair.receive = "--output received --resume"
      pair.after = ""
      let ends = try pair.run(in: folder)
      let left = "cmp sent in*/received && cat in*/status && ls -A in* | grep received"
      #expect(try run(left, in: folder).text == "0\nreceived\n", "\(ends.receiver.messages)")
    }

    @Test func `a file has its name when it is whole, and is nobody else's until then`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before =
        "(head -c 3000000 \(Sample.path); until test -e seen; do sleep 0.05; done) | tee sent |"
      pair.receive = "--output received --verbose"
      pair.send = "--verbose"
      pair.after = ""
      let started = try pair.start(in: folder)
      try started.waitForSession()
      #expect(try run("ls received", in: folder).status != 0)
      #expect(try run("stat -c %a .received.braid-partial", in: folder).text == "600\n")
      let other = try refusal("--output received", in: folder)
      #expect(other.contains("another braid writes received"))
      _ = try run("touch seen", in: folder)
      try expectEqual(started.wait(), "sent", "received", in: folder)
      #expect(try run("ls .received*", in: folder).status != 0)
      #expect(try run("stat -c %a received", in: folder).text == "600\n")
    }

    @Test func `a file that appears meanwhile is not replaced`() throws {
      let folder = try Scratch()
      var pair = Pair()
      pair.before = "(echo new; until test -e received; do sleep 0.05; done) |"
      pair.receive = "--output received --verbose"
      pair.send = "--verbose"
      pair.after = ""
      let started = try pair.start(in: folder)
      try started.waitForSession()
      _ = try run("echo old > it; mv it received", in: folder)
      let ends = try started.wait()
      #expect(ends.receiver.status == 2)
      #expect(ends.sender.status == 1)
      #expect(folder.text("received") == "old\n")
    }

    @Test func `half a file is left nowhere, but in place`() throws {
      for option in ["", "--in-place"] {
        let folder = try Scratch()
        _ = try run("touch sent", in: folder)
        var pair = Pair()
        pair.before = "(head -c 3000000 \(Sample.path); while sleep 0.1 && echo; do :; done) |"
        pair.receive = "--output received \(option) --verbose"
        pair.send = "--verbose"
        pair.after = ""
        let started = try pair.start(in: folder)
        try started.waitForSession()
        kill(try started.processID("receiver"), SIGTERM)
        let ends = try started.wait()
        #expect(ends.receiver.status == 143)
        let left = try run("ls -A | grep received", in: folder).text
        #expect(left.contains("received\n") == (option == "--in-place"), "\(left)")
        #expect(!left.contains(".braid-partial"))
      }
    }

    @Test func `in place the file itself is written, and cut to what came`() throws {
      let folder = try Scratch()
      _ = try run("head -c 500000 \(Sample.path) > received; ln received other", in: folder)
      _ = try run("truncate -s 300000 sent; echo end >> sent", in: folder)
      try expectEqual(transfer("--in-place --force", in: folder), "sent", "other", in: folder)
    }

    @Test(.enabled(if: LoopDevice.isPossible, "makes loop devices"))
    func `disks that are in use are left alone`() throws {
      let folder = try Scratch()
      _ = try run("truncate -s 20M image", in: folder)
      let disk = try LoopDevice("image", sectorByteCount: 512, in: folder)
      let touched = { try run("sync; sha256sum image", in: folder).text }

      // Read-only: nobody writes there, not even the file system.
      let mount = "mkdir place; mount -o ro \(disk.path) place"
      _ = try run("mkfs.ext2 -q \(disk.path); \(mount)", in: folder)
      let before = try touched()
      let mounted = try refusal("--output \(disk.path)", in: folder)
      #expect(mounted.contains("\(disk.path) is mounted at "))
      #expect(try touched() == before)
      _ = try run("umount place", in: folder)

      // Somebody has it for himself, as swap, RAID and LVM have.
      let holder =
        "import os, time; os.open('\(disk.path)', os.O_RDWR | os.O_EXCL); print(1, flush=True)"
      let running = try Running(
        "exec python3 -c \"\(holder); time.sleep(20)\"",
        name: "holder",
        in: folder
      )
      defer { try? running.end() }
      try until("the disk is held", within: 5) { !running.output.isEmpty }
      #expect(try refusal("--output \(disk.path)", in: folder).contains("\(disk.path) is in use"))
    }

    @Test(
      .enabled(
        if: LoopDevice.isPossible && Braid.has("addpart"),
        "makes loop devices with partitions; needs addpart (util-linux)"
      )
    )
    func `a disk with partitions is left alone, and a free partition is not`() throws {
      let folder = try Scratch()
      _ = try run("echo hello > sent; truncate -s 20M image; mkdir place", in: folder)
      let disk = try LoopDevice("image", sectorByteCount: 512, options: "--partscan", in: folder)
      // Given to the kernel by hand, which may not read tables; 2048 sectors each.
      let made = try run(
        "addpart \(disk.path) 1 2048 2048; addpart \(disk.path) 2 4096 2048",
        in: folder
      )
      defer {
        _ = try? run("umount place; delpart \(disk.path) 1; delpart \(disk.path) 2", in: folder)
      }
      try #require(made.status == 0, "\(made.messages)")
      let name = disk.path.split(separator: "/").last ?? ""
      let touched = { try run("sync; sha256sum image", in: folder).text }

      let before = try touched()
      let sentence = try refusal("--output \(disk.path)", in: folder)
      #expect(sentence.contains("has partitions (\(name)p1, \(name)p2)"), "\(sentence)")
      #expect(try touched() == before)

      // Where nobody makes device nodes, the kernel still knows the partitions.
      for number in [1, 2] {
        let node = "\(disk.path)p\(number)"
        let device = "$(tr : ' ' < /sys/class/block/\(name)p\(number)/dev)"
        _ = try run("test -b \(node) || mknod \(node) b \(device)", in: folder)
      }
      // Read-only, so that the file system itself writes nothing in the meantime.
      _ = try run("mkfs.ext2 -q \(disk.path)p1; mount -o ro \(disk.path)p1 place", in: folder)
      let mounted = try touched()
      for output in [disk.path, "\(disk.path)p1"] {
        let sentence = try refusal("--output \(output)", in: folder)
        #expect(sentence.contains("\(name)p1 is mounted at "), "\(sentence)")
      }
      #expect(try touched() == mounted)

      var pair = Pair()
      pair.send = "--input sent"
      pair.receive = "--output \(disk.path)p2"
      pair.after = ""
      let ends = try pair.run(in: folder)
      #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
      #expect(try run("head -c 6 \(disk.path)p2", in: folder).text == "hello\n")
    }
  }
}
