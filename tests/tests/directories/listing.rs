use crate::promise::Promise;

pub(crate) fn promises() -> Vec<Promise> {
    Vec::new()
}
