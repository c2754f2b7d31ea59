import Foundation
import Testing

// Goal: an output that can be named works, or is refused in a sentence before a byte has moved; and
// what is left of a run, also where the power goes, does not lie to the next one.
// Method: the built command with names, links and FIFOs of all kinds; a file system is copied as it
// is on its disk the moment that the receiver has ended.
// Failure: a hang, a name that was lost at the end, something left behind that helps nobody.
extension CommandLineTests {
  @Suite struct Outputs {
    private func pair(_ output: String) -> Pair {
      var pair = Pair()
      pair.send = "--input sent --verbose"
      pair.receive = "--verbose --output \(output)"
      pair.after = ""
      return pair
    }

    private func refusal(_ output: String, in folder: Scratch) throws -> String {
      let place = "127.0.0.1:\(Port.unused())"
      let ended = try run("exec $BRAID receive --listen \(place) \(output)", in: folder, limit: 10)
      #expect(ended.status == 2, "\(ended.messages)")
      return ended.messages
    }

    private func leftovers(in folder: Scratch) throws -> String {
      try run("ls -A | grep braid-", in: folder).text
    }

    @Test func `a name as long as the system allows works, is continued, and is nobody else's`()
      throws
    {
      let folder = try Scratch()
      _ = try run("head -c 20M /dev/urandom > sent", in: folder)
      // 255 bytes; the cut must not go through a letter.
      let names = ["a", "b"].map { String(repeating: "\u{e4}", count: 127) + $0 }
      var slow = pair("\(names[0]) --resume")
      slow.send += " --limit 40M --memory 2M"
      slow.receive += " --memory 2M"
      let started = try slow.start(in: folder)
      try until("the journal is written", within: 10) {
        try run("test -s .*.braid-journal", in: folder).status == 0
      }
      try started.killBoth()
      // Two that begin alike do not meet.
      try expectEqual(pair(names[1]).run(in: folder), "sent", names[1], in: folder)
      let ends = try pair("\(names[0]) --resume").run(in: folder)
      #expect(ends.receiver.messages.contains("resuming at"), "\(ends.receiver.messages)")
      try expectEqual(ends, "sent", names[0], in: folder)
      #expect(try leftovers(in: folder).isEmpty)
      let sentence = try refusal("--output \(names[0])b", in: folder)
      #expect(sentence.contains("File name too long"), "\(sentence)")
    }

    @Test func `a link to nothing yet gets what it points to, if there is a place for it`() throws {
      let folder = try Scratch()
      _ = try run(
        "echo new > sent; mkdir place; ln -s ../file place/second; ln -s place/second received; "
          + "ln -s nowhere/file lost; ln -s round round",
        in: folder
      )
      try expectEqual(pair("received").run(in: folder), "sent", "file", in: folder)
      #expect(try run("test -L received && test -L place/second", in: folder).status == 0)
      #expect(try refusal("--output lost", in: folder).contains("cannot open lost: No such file"))
      #expect(try refusal("--output round", in: folder).contains("cannot open round: Too many"))
      #expect(try run("test -L lost", in: folder).status == 0)
      #expect(try leftovers(in: folder).isEmpty)
    }

    @Test(arguments: ["--resume", "--verify"])
    func `a pipe with a name is no place to go back to`(option: String) throws {
      let folder = try Scratch()
      _ = try run("mkfifo pipe", in: folder)
      let sentence = try refusal("\(option) --output pipe", in: folder)
      #expect(sentence.contains("pipe is no file and no disk"), "\(sentence)")
      // Without such a wish it waits for a reader, and can be interrupted.
      let place = "127.0.0.1:\(Port.unused())"
      let waiting = try run(
        "timeout --preserve-status -s INT 1 $BRAID receive --listen \(place) --output pipe",
        in: folder
      )
      #expect(waiting.status == 130, "\(waiting.messages)")
    }

    @Test func `whoever waits for another receiver says so`() throws {
      let folder = try Scratch()
      let holder = try Running(
        "exec flock .received.braid-partial sh -c 'echo held; sleep 2'",
        name: "holder",
        in: folder
      )
      try until("the file is held", within: 5) { !holder.output.isEmpty }
      _ = try run("echo new > sent", in: folder)
      let ends = try pair("received").run(in: folder)
      let sentence = "another braid writes received at the moment. Trying for 10 s."
      #expect(ends.receiver.messages.contains(sentence), "\(ends.receiver.messages)")
      try expectEqual(ends, "sent", "received", in: folder)
    }

    @Test(
      .enabled(if: Braid.isRoot, "a file system can be mounted"),
      arguments: ["", "--resume", "--resume --in-place"]
    )
    func `without room nothing is left that helps nobody`(options: String) throws {
      let folder = try Scratch()
      _ = try run(
        "head -c 30M /dev/urandom > sent; mkdir place; mount -t tmpfs -o size=20M none place",
        in: folder
      )
      defer { _ = try? run("umount place", in: folder) }
      let ends = try pair("place/received \(options)").run(in: folder)
      #expect(ends.receiver.status == 2, "\(ends.receiver.messages)")
      #expect(ends.receiver.messages.contains("room"), "\(ends.receiver.messages)")
      let left = try run("ls -A place", in: folder).text
      #expect(left == (options.contains("--in-place") ? "received\n" : ""), "\(left)")
    }

    @Test func `a journal that is refused leaves no empty file beside it`() throws {
      let folder = try Scratch()
      _ = try run("echo nonsense > .received.braid-journal", in: folder)
      #expect(try refusal("--resume --output received", in: folder).contains("is damaged"))
      #expect(try leftovers(in: folder) == ".received.braid-journal\n")
    }

    @Test(
      .enabled(if: LoopDevice.isPossible, "makes loop devices"),
      arguments: ["", "--in-place"]
    )
    func `when a receiver says success its file and its journal are settled on the disk`(
      option: String
    ) throws {
      let folder = try Scratch()
      _ = try run(
        "head -c 3M /dev/urandom > sent; truncate -s 50M image; mkfs.ext4 -q image; mkdir place; "
          + "mount -o loop image place",
        in: folder
      )
      defer { _ = try? run("umount place later", in: folder) }
      var copying = pair("place/received --resume \(option)")
      // What the disk has now, as if the power went.
      copying.after = "; status=$?; cp image power-cut; exit $status"
      let ends = try copying.run(in: folder)
      #expect(ends.receiver.status == 0, "\(ends.receiver.messages)")
      let mount = "umount place; mkdir later; mount -o loop power-cut later"
      #expect(try run(mount, in: folder).status == 0)
      #expect(try run("cmp sent later/received", in: folder).status == 0)
      #expect(try run("ls -A later | grep braid-", in: folder).text.isEmpty)
    }
  }
}
