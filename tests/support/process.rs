//! The binary as a process: its output and its end.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::patience;

/// The lines that a process wrote, kept as they arrive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Keeps the lines of `stream`, in a thread that ends with it.
    pub(crate) fn follow(&self, stream: impl Read + Send + 'static) {
        let kept = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                kept.0.lock().unwrap().push(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        });
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Standard output as JSON, for a process that succeeded.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The binary with these arguments. Its environment holds only `environment`.
pub(super) fn command<'e>(
    arguments: &[&str],
    environment: impl IntoIterator<Item = (&'e String, &'e String)>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_recado"));
    command.args(arguments).env_clear().envs(environment).stdin(Stdio::null());
    command
}

/// Runs the binary to its end. A test fails if it does not end.
pub(crate) async fn recado(arguments: &[&str], environment: &[(String, String)]) -> Finished {
    recado_in(&std::env::temp_dir(), arguments, environment).await
}

/// Runs the binary in a directory, like a user in that directory.
pub(crate) async fn recado_in(directory: &Path, arguments: &[&str], environment: &[(String, String)]) -> Finished {
    let mut command = command(arguments, environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(directory);
    let shown = arguments.join(" ");
    tokio::task::spawn_blocking(move || run(command, &shown)).await.unwrap()
}

fn run(mut command: Command, shown: &str) -> Finished {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) = (read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap()));
    let mut running = Running(child);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = running.0.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < patience(), "recado {shown} does not end");
        std::thread::sleep(Duration::from_millis(5));
    };
    Finished { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Reads a stream to its end in a thread of its own.
fn read(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

/// A command that runs beside the test until it is dropped.
pub(crate) struct Beside {
    pub(crate) said: Lines,
    pub(crate) complained: Lines,
    process: Running,
}

impl Beside {
    /// Starts the binary in a directory, like a user in that directory.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        let (said, complained) = (Lines::default(), Lines::default());
        let mut command = command(arguments, []);
        command.current_dir(directory);
        Self { process: Running::start(command, &said, &complained), said, complained }
    }

    /// Asks the command to end, and returns its exit code.
    pub(crate) async fn stop(mut self) -> i32 {
        self.process.signal("TERM");
        super::wait_until("it ends when it is asked to", async || self.process.ended()).await
    }
}

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Running {
    /// Starts `command`. Its output goes to `stdout` and `stderr`.
    pub(super) fn start(mut command: Command, stdout: &Lines, stderr: &Lines) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        stdout.follow(child.stdout.take().unwrap());
        stderr.follow(child.stderr.take().unwrap());
        Self(child)
    }

    /// The exit code, if the process has ended; `-1` if a signal ended it.
    pub(super) fn ended(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// The most memory that the process has used, in MB; `None` if the system does not report it.
    pub(super) fn peak_memory_mb(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1_024)
    }

    /// `kill -9`, and waits until the system has cleaned up.
    pub(super) fn kill(&mut self) {
        // An error means that the process had already ended.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }

    /// Sends the process a signal, such as `TERM`.
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
