import Foundation
import Testing

// Goal: standard output is data and nothing else; standard error says what matters, and no more.
// Method: the messages of good transfers under each option, with and without a terminal.
// Failure: a missing or superfluous line.
extension CommandLineTests {
  @Suite struct Messages {
    private func transfer(_ options: String, send more: String = "") throws -> (
      sender: Ended, receiver: Ended
    ) {
      let folder = try Scratch()
      var pair = Pair()
      pair.send = "\(options) \(more) --input \(Sample.path)"
      pair.receive = options
      let ends = try pair.run(in: folder)
      try expectEqual(ends, Sample.path, "received", in: folder)
      return ends
    }

    @Test func `the end is one line at each side`() throws {
      let ends = try transfer("")
      let form = #/braid: (sent|received) 64.0 MiB \(67108864 bytes\) in [0-9.]+ s, .*bit/s, /#
      let sent = ends.sender.messages.split(separator: "\n")
      #expect(sent.count == 1, "\(sent)")
      #expect(sent.last?.prefixMatch(of: form)?.1 == "sent", "\(sent)")
      let received = ends.receiver.messages.split(separator: "\n")
      #expect(received.count == 2)
      #expect(received.first?.hasPrefix("braid: no key: ") == true)
      #expect(received.last?.prefixMatch(of: form)?.1 == "received", "\(received)")
    }

    @Test func `quiet is quiet`() throws {
      let ends = try transfer("--quiet")
      #expect(ends.sender.messages.isEmpty)
      #expect(ends.receiver.messages.isEmpty)
    }

    @Test func `verbose tells what happened, each line with its time`() throws {
      let ends = try transfer("--verbose")
      for messages in [ends.sender.messages, ends.receiver.messages] {
        let lines = messages.split(separator: "\n")
        #expect(lines.allSatisfy { $0.prefixMatch(of: /\[ *\d+\.\d{3}\] ./) != nil }, "\(messages)")
        #expect(messages.contains("] io_uring: "))
        #expect(messages.contains("] the session has begun, with frames of 256 KiB"))
        #expect(messages.contains(" has joined; 1 now"))
        #expect(messages.contains(" s of processor time, "))
        #expect(messages.contains(" calls of io_uring_enter, "))
      }
    }

    @Test(.enabled(if: Braid.has("script"), "script is not installed"))
    func `on a terminal a progress line comes and goes`() throws {
      let shown = try onTerminal("--input sample", columns: 100)
      let form = #/\r[0-9.]+ [KMG]iB of 64.0 MiB \(\d+ %\)  [^\r]* now, [^\r]* mean  /#
      #expect(shown.firstMatch(of: form) != nil, "\(shown)")
      // The line is wiped out before the last words.
      #expect(shown.firstMatch(of: #/\r +\rbraid: sent 64.0 MiB /#) != nil, "\(shown)")
    }

    @Test(.enabled(if: Braid.has("script"), "script is not installed"))
    func `the progress line fits the terminal`() throws {
      let shown = try onTerminal("--input sample", columns: 30)
      let lines = shown.split(separator: "\r").filter { $0.contains(" MiB of ") }
      #expect(!lines.isEmpty)
      #expect(lines.allSatisfy { $0.count <= 29 }, "\(lines)")
    }

    @Test(
      .enabled(if: Braid.has("script"), "script is not installed"),
      arguments: ["--quiet --input sample", "--input sample 2>messages"]
    )
    func `there is no progress line where it is not wanted`(options: String) throws {
      #expect(try !onTerminal(options, columns: 100).contains("%"))
    }

    /// What a sender shows on a terminal while a slow reader takes 64 MiB.
    private func onTerminal(_ options: String, columns: Int) throws -> String {
      let folder = try Scratch()
      let port = Port.unused()
      let receiver = try Running(
        "\"$BRAID\" receive --listen \(port) | { head -c 40000000; sleep 1; cat; } > received",
        name: "receiver",
        in: folder
      )
      try Port.waitForListener(at: port)
      let terminal = try Running(
        """
        cp \(Sample.path) sample
        script -qefc 'stty cols \(columns); "$BRAID" send 127.0.0.1:\(port) \(options); \
        echo $? > status' /dev/null
        """,
        name: "terminal",
        in: folder
      )
      _ = try receiver.wait()
      // Not the end of script(1): once in a few hundred runs it did not notice that of its command.
      try until("the sender ends", within: 10) { !folder.text("status").isEmpty }
      #expect(folder.text("status") == "0\n")
      try until("all is shown", within: 5) {
        options.contains("quiet") || options.contains("2>") || terminal.output.contains("sent")
      }
      return terminal.output
    }

    @Test func `strangers are counted, and few of them are told of`() throws {
      let folder = try Scratch()
      let port = Port.unused()
      let receiver = try Running(
        "exec \"$BRAID\" receive --listen \(port) > received",
        name: "receiver",
        in: folder
      )
      try Port.waitForListener(at: port)
      let strangers = """
        perl -MIO::Socket::INET -e 'for (1..200) { $s = IO::Socket::INET->new(\
        PeerAddr => "127.0.0.1:\(port)") or die; print $s "GET / HTTP/1.0\\r\\n\\r\\n" x 20; \
        close $s }'
        """
      #expect(try run(strangers, in: folder).status == 0)
      let sent = try braid("send 127.0.0.1:\(port) --input \(Sample.path)")
      #expect(sent.status == 0, "\(sent.messages)")
      let ended = try receiver.wait()
      #expect(ended.status == 0)
      let told = ended.messages.split(separator: "\n").count { $0.contains("turned ") }
      #expect((1...40).contains(told), "\(ended.messages)")
      #expect(ended.messages.contains(", 200 strangers turned away\n"), "\(ended.messages)")
    }
  }
}
