//! Files that are written whole or not at all.
//!
//! The bytes go into a hidden file beside the target first, which then takes its name: whoever is ended in between,
//! by a signal or by a full disk, leaves the target as it was. What a signal that cannot be caught leaves behind is
//! that hidden file, which no reader of folders looks at.
//!
//! Deliberately absent: devices and pipes, which have no whole; they are written to as they are.

use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner alone.
    Owner,
    /// Whoever the system lets.
    Usual,
}

/// Writes a file whole or not at all; a file that is there keeps its place behind links, and who may read it unless
/// that is its owner alone from now on.
pub(super) fn whole(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let before = fs::metadata(path).ok();
    if before.as_ref().is_some_and(|there| !there.is_file() && !there.is_dir()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let target: PathBuf = if before.is_some() { fs::canonicalize(path)? } else { path.to_path_buf() };
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = target.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = new(&beside, readers)?;
        file.write_all(bytes)?;
        if let Some(before) = before.filter(|there| there.is_file() && readers == Readers::Usual) {
            file.set_permissions(before.permissions())?;
        }
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &target)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn new(path: &Path, readers: Readers) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}
