use std::path::Path;
use std::sync::{Mutex, Once};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// What is logged about one file.
pub(super) struct Heard {
    file: String,
}

struct Everything(Mutex<Vec<(Level, String)>>);

static EVERYTHING: Everything = Everything(Mutex::new(Vec::new()));

impl Heard {
    pub(super) fn about(file: &Path) -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            log::set_logger(&EVERYTHING).unwrap();
            log::set_max_level(LevelFilter::Info);
        });
        Self { file: file.display().to_string() }
    }

    pub(super) fn lines(&self, level: Level) -> Vec<String> {
        let everything = EVERYTHING.0.lock().unwrap();
        everything
            .iter()
            .filter(|(at, line)| *at == level && line.contains(&self.file))
            .map(|(_, l)| l.clone())
            .collect()
    }
}

impl Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}
