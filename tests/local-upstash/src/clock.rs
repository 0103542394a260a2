//! The wall clock of a Redis process, moved through a library that the process is started with.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A file with the microseconds that the clock is ahead, and the library that reads it.
#[derive(Debug)]
pub(crate) struct Clock {
    file: File,
    path: PathBuf,
    library: PathBuf,
    offset: Mutex<i64>,
}

impl Clock {
    /// Compiles the library into `folder`.
    pub(crate) fn compile(folder: &Path) -> io::Result<Self> {
        if !cfg!(target_os = "linux") {
            let text = "a Redis with a movable clock needs Linux (LD_PRELOAD)";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, include_str!("clock.c"))?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .status()
            .map_err(|e| io::Error::other(format!("cc: {e} (apt-get install build-essential)")))?;
        if !compiled.success() {
            return Err(io::Error::other("cc could not compile the movable clock"));
        }
        let path = folder.join("clock");
        std::fs::write(&path, 0_i64.to_ne_bytes())?;
        Ok(Self {
            file: File::options().write(true).open(&path)?,
            path,
            library,
            offset: Mutex::new(0),
        })
    }

    pub(crate) fn apply(&self, process: &mut Command) {
        process
            .env("LD_PRELOAD", &self.library)
            .env("LOCAL_UPSTASH_CLOCK", &self.path);
    }

    /// Moves the clock on. The process sees it at once: the file is its memory.
    pub(crate) fn advance(&self, time: Duration) -> io::Result<()> {
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = i64::try_from(time.as_micros()).map_err(io::Error::other)?;
        let ahead = offset
            .checked_add(micros)
            .ok_or_else(|| io::Error::other("the clock cannot be that far ahead"))?;
        self.file.write_all_at(&ahead.to_ne_bytes(), 0)?;
        *offset = ahead;
        Ok(())
    }

    pub(crate) fn offset(&self) -> Duration {
        let offset = *self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_micros(offset.unsigned_abs())
    }
}
