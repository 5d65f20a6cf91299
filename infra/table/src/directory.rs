//! A data directory: who may enter it, its small files, and the address of its owner.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::error::TableError;

/// The file inside a data directory with the path of the owner's socket.
pub(crate) const ADDRESS_FILE: &str = "address";
/// The socket inside a data directory.
pub(crate) const SOCKET_FILE: &str = "socket";
/// The longest path of a socket, in bytes, on every Unix. Source: `sun_path` of macOS, less its terminating zero.
pub(crate) const SOCKET_PATH_BYTES_MAX: usize = 103;

/// The word in the address file, below the socket's path, if the owner keeps the directory for its whole run.
const STAYS: &str = "stays";

/// Tells other processes that this process keeps the directory for its whole run.
pub(crate) fn stays_in(directory: &Path) -> Result<(), TableError> {
    let path = directory.join(ADDRESS_FILE);
    let address = fs::read_to_string(&path).map_err(failed(&path))?;
    write(&path, &format!("{address}{STAYS}\n"))
}

/// Makes a directory that its owner alone may enter, whatever the umask. An empty one becomes such a directory.
///
/// # Errors
///
/// [`TableError::Open`]: it holds something, and others may enter it.
pub(crate) fn own_directory(directory: &Path) -> Result<(), TableError> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed(directory))?;
    let mode = fs::metadata(directory).map_err(failed(directory))?.permissions().mode() & 0o7777;
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    if fs::read_dir(directory).map_err(failed(directory))?.next().is_some() {
        return Err(TableError::Open { path: directory.to_owned(), mode });
    }
    fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(failed(directory))
}

/// How files are made that their owner alone may read, whatever the umask.
pub(crate) fn private() -> OpenOptions {
    let mut options = File::options();
    options.create(true).write(true).mode(0o600);
    options
}

/// Writes a small file that its owner alone may read.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), TableError> {
    let mut file = private().truncate(true).open(path).map_err(failed(path))?;
    file.write_all(text.as_bytes()).map_err(failed(path))
}

/// The error for a path.
pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> TableError {
    let path = path.to_owned();
    move |source| TableError::Directory { path, source }
}

/// Removes a file that an earlier process may have left.
pub(crate) fn remove(path: &Path) -> Result<(), TableError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

/// The path of a directory's socket. It is in the directory. If that path is too long for a socket, it is in a
/// temporary directory that is removed with the table.
pub(crate) fn socket_of(directory: &Path) -> Result<(PathBuf, Option<tempfile::TempDir>), TableError> {
    let path = directory.canonicalize().map_err(failed(directory))?.join(SOCKET_FILE);
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok((path, None));
    }
    let only_mine = Permissions::from_mode(0o700);
    let apart = tempfile::Builder::new().permissions(only_mine).tempdir();
    let apart = apart.map_err(failed(&std::env::temp_dir()))?;
    Ok((apart.path().join(SOCKET_FILE), Some(apart)))
}

/// Whether the owner of a directory's table keeps the directory for its whole run.
pub(crate) fn stays(directory: &Path) -> bool {
    let text = fs::read_to_string(directory.join(ADDRESS_FILE)).unwrap_or_default();
    text.lines().nth(1) == Some(STAYS)
}
