//! `docker stop` of a container with a service that exits as soon as it is asked to.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::machine::now;
use super::namespace::this_program;
use super::statistics::Summary;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The path of this program in the image.
const SERVICE: &str = "/peers";
/// The path of the init.
const INIT: &str = "/init";

/// The name that `measure` uses for a container without an init.
pub const DIRECT: &str = "main itself";

/// A generous limit for an event that does not occur.
const PATIENCE: Duration = Duration::from_secs(60);

/// Explains why nothing can be measured.
pub fn measure(figures: &mut Figures, inits: &[Contender], rounds: usize) -> Result<(), String> {
    let answers =
        docker(&["version"]).map_err(|_| "`docker stop` is not measured: no engine answers to `docker version`");
    answers?;
    let image = Image::import().map_err(|error| format!("`docker stop` is not measured: {error}"))?;
    let mut taken = vec![Vec::new(); inits.len() + 1];
    for _ in 0..rounds {
        for (init, taken) in inits.iter().map(Some).chain([None]).zip(&mut taken) {
            let name = init.map_or(DIRECT, |init| &init.name);
            taken.push(image.stop(init).map_err(|error| format!("`docker stop` is not measured: {name}: {error}"))?);
        }
    }
    for (name, taken) in inits.iter().map(|init| init.name.as_str()).chain([DIRECT]).zip(taken) {
        figures.add(Metric::DockerStop, name, Summary::of(taken));
    }
    Ok(())
}

/// An image with nothing but this program.
struct Image(String);

impl Image {
    fn import() -> Result<Image, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("image-{}", now()));
        let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(this_program(), folder.join("peers")));
        copied.map_err(|error| format!("{}: {error}", folder.display()))?;
        let tar = Command::new("tar").arg("-C").arg(&folder).args(["-c", "."]).stdout(Stdio::piped()).spawn();
        let imported = tar.map_err(|error| format!("tar: {error}")).and_then(|mut tar| {
            let layer = tar.stdout.take().ok_or("tar has no output")?;
            let imported = output(Command::new("docker").args(["import", "-"]).stdin(layer));
            let _ = tar.wait();
            imported
        });
        let _ = fs::remove_dir_all(&folder);
        imported.map(Image)
    }

    /// Runs the service under `init`, or as PID 1 itself, and stops it. Returns how many ms the stop took.
    fn stop(&self, init: Option<&Contender>) -> Result<f64, String> {
        let mut run = Command::new("docker");
        run.args(["run", "--detach", "--network", "none", "--entrypoint"]);
        match init {
            None => run.args([SERVICE, &self.0]),
            Some(init) => {
                let path = init.path.to_str().ok_or("its path is not valid UTF-8")?;
                run.args([INIT, "--volume", &format!("{path}:{INIT}:ro")]);
                if init.dynamic {
                    let libraries = ["/lib", "/lib64", "/usr/lib"].into_iter().filter(|path| Path::new(path).exists());
                    libraries.for_each(|path| {
                        run.args(["--volume", &format!("{path}:{path}:ro")]);
                    });
                }
                run.args([&self.0, "--", SERVICE])
            }
        };
        let container = Container(output(run.args(["act", "serve"]))?);
        let begin = Instant::now();
        while !docker(&["logs", &container.0])?.contains("ready") {
            if begin.elapsed() > PATIENCE {
                return Err("the service does not start".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let begin = Instant::now();
        docker(&["stop", &container.0])?;
        Ok(begin.elapsed().as_secs_f64() * 1e3)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = docker(&["rmi", "--force", &self.0]);
    }
}

struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", &self.0]);
    }
}

fn docker(words: &[&str]) -> Result<String, String> {
    output(Command::new("docker").args(words))
}

/// The output of a command, or its failure.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
