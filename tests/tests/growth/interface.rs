//! What has become of a frozen interface, told from the sources alone: every item of it against the present one, in
//! both directions.
//!
//! What the layout check of a real plugin sees only when it is loaded, and what it cannot see at all (the number
//! behind a name, the number of a level), is seen here in milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use quote::ToTokens;
use syn::{Attribute, Field, Fields, ImplItem, Item, ItemImpl, ItemStruct, ItemTrait, TraitItem, UseTree};

/// The sources of an interface, by the names of their files.
pub(crate) type Sources = BTreeMap<String, String>;

/// Reads the sources in a folder. None is an error: a check of nothing finds nothing.
pub(crate) fn read(folder: &Path) -> Result<Sources, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut sources = Sources::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.insert(name, fs::read_to_string(&path).map_err(unreadable)?);
        }
    }
    if sources.is_empty() { Err(format!("{}: there is no source file", folder.display())) } else { Ok(sources) }
}

/// What the present interface breaks of the frozen one, a line each.
pub(crate) fn broken(frozen: &Sources, present: &Sources) -> Vec<String> {
    let (frozen, present) = match (Interface::of(frozen), Interface::of(present)) {
        (Ok(frozen), Ok(present)) => (frozen, present),
        (Err(problem), _) => return vec![format!("the frozen interface: {problem}")],
        (_, Err(problem)) => return vec![format!("the present interface: {problem}")],
    };
    let mut problems = Vec::new();
    for (name, item) in &frozen.items {
        match present.items.get(name) {
            None => problems.push(format!("{name} has gone")),
            Some(now) => compare(name, item, now, &mut problems),
        }
    }
    for (name, item) in &present.items {
        if !frozen.items.contains_key(name) && !is_harmless(item) {
            problems.push(format!("{name} is new, and changes what a frozen type is"));
        }
    }
    for (name, paths) in &frozen.uses {
        if present.uses.get(name).is_none_or(|now| now != paths) {
            problems.push(format!("the name {name} means something else"));
        }
    }
    problems
}

/// The items of all files together: in which of them one stands does not matter.
struct Interface {
    items: BTreeMap<String, Item>,
    /// What is imported, by the name that it has here.
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Interface {
    fn of(sources: &Sources) -> Result<Self, String> {
        let mut interface = Self { items: BTreeMap::new(), uses: BTreeMap::new() };
        for (file, text) in sources {
            let parsed = syn::parse_file(text).map_err(|error| format!("{file}: {error}"))?;
            for item in parsed.items {
                interface.add(item).map_err(|problem| format!("{file}: {problem}"))?;
            }
        }
        if interface.items.is_empty() { Err("it has no items".to_owned()) } else { Ok(interface) }
    }

    fn add(&mut self, item: Item) -> Result<(), String> {
        let name = match &item {
            Item::Use(item) => {
                imports(&item.tree, String::new(), &mut self.uses);
                return Ok(());
            }
            // Its content is in a file of its own.
            Item::Mod(item) if item.content.is_none() => return Ok(()),
            Item::Mod(item) => format!("mod {}", item.ident),
            Item::Struct(item) => format!("struct {}", item.ident),
            Item::Enum(item) => format!("enum {}", item.ident),
            Item::Union(item) => format!("union {}", item.ident),
            Item::Trait(item) => format!("trait {}", item.ident),
            Item::Type(item) => format!("type {}", item.ident),
            Item::Const(item) => format!("const {}", item.ident),
            Item::Static(item) => format!("static {}", item.ident),
            Item::Fn(item) => format!("fn {}", item.sig.ident),
            Item::Impl(item) => match &item.trait_ {
                Some((not, path, _)) => {
                    let not = if not.is_some() { "!" } else { "" };
                    format!("impl {not}{} for {}", text(path), text(&item.self_ty))
                }
                None => format!("impl {}", text(&item.self_ty)),
            },
            other => return Err(format!("this check does not know such an item: {}", text(other))),
        };
        match self.items.insert(name.clone(), item) {
            None => Ok(()),
            Some(_) => Err(format!("{name} is there twice")),
        }
    }
}

fn imports(tree: &UseTree, path: String, uses: &mut BTreeMap<String, BTreeSet<String>>) {
    match tree {
        UseTree::Path(tree) => imports(&tree.tree, format!("{path}{}::", tree.ident), uses),
        UseTree::Group(group) => group.items.iter().for_each(|tree| imports(tree, path.clone(), uses)),
        UseTree::Name(tree) => {
            uses.entry(tree.ident.to_string()).or_default().insert(format!("{path}{}", tree.ident));
        }
        UseTree::Rename(tree) => {
            uses.entry(tree.rename.to_string()).or_default().insert(format!("{path}{}", tree.ident));
        }
        UseTree::Glob(_) => {
            uses.entry(format!("{path}*")).or_default().insert(path);
        }
    }
}

/// What may be added beside what is frozen: it is named by nothing that is.
fn is_harmless(item: &Item) -> bool {
    match item {
        Item::Impl(item) => item.trait_.is_none(),
        _ => true,
    }
}

/// The tokens of something, without spaces of its own and without comments.
fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

/// Attributes that say something of the layout or the code: comments and allowances do not.
fn attributes(attributes: &[Attribute]) -> Vec<String> {
    let says_nothing = ["doc", "allow", "expect", "warn", "deny"];
    let says = |attribute: &&Attribute| !says_nothing.iter().any(|name| attribute.path().is_ident(name));
    attributes.iter().filter(says).map(text).collect()
}

/// Whether 1.0 ends with this field or method.
fn is_last_of_1_0(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| text(attribute).contains("last_prefix_field"))
}

fn compare(name: &str, frozen: &Item, present: &Item, problems: &mut Vec<String>) {
    match (frozen, present) {
        (Item::Struct(frozen), Item::Struct(present)) => structs(name, frozen, present, problems),
        (Item::Trait(frozen), Item::Trait(present)) => traits(name, frozen, present, problems),
        (Item::Impl(frozen), Item::Impl(present)) => impls(name, frozen, present, problems),
        _ => {
            if bare(frozen) != bare(present) {
                problems.push(format!("{name} has changed: {} was {}", bare(present), bare(frozen)));
            }
        }
    }
}

/// An item without comments, those inside of it included.
fn bare(item: &Item) -> String {
    struct Comments;
    impl syn::visit_mut::VisitMut for Comments {
        fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
            attributes.retain(|attribute| !attribute.path().is_ident("doc"));
        }
    }
    let mut item = item.clone();
    syn::visit_mut::VisitMut::visit_item_mut(&mut Comments, &mut item);
    text(&item)
}

/// Compares two lists in their order. Behind the end of 1.0 there may be more, where there is an end.
fn lists(name: &str, frozen: &[(String, bool)], present: &[(String, bool)], problems: &mut Vec<String>) {
    for (position, (item, _)) in frozen.iter().enumerate() {
        match present.get(position) {
            None => return problems.push(format!("{name} has lost `{item}`")),
            Some((now, _)) if now != item => {
                return problems.push(format!("{name} has `{now}` in the place of `{item}`"));
            }
            Some(_) => {}
        }
    }
    let may_grow = frozen.last().is_some_and(|(_, last)| *last);
    for (item, has_default) in present.iter().skip(frozen.len()) {
        if !may_grow {
            problems.push(format!("{name} is passed by value, and has `{item}` more"));
        } else if !has_default {
            problems.push(format!("{name} has `{item}` more, without a default for the other side"));
        }
    }
}

fn structs(name: &str, frozen: &ItemStruct, present: &ItemStruct, problems: &mut Vec<String>) {
    let head = |item: &ItemStruct| (attributes(&item.attrs), text(&item.generics), text(&item.vis));
    if head(frozen) != head(present) {
        problems.push(format!("{name} has other attributes or parameters: {:?} was {:?}", head(present), head(frozen)));
    }
    let fields = |item: &ItemStruct| -> Vec<(String, bool)> {
        let field = |field: &Field| {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            // Those behind the end are options: whoever asks for one is told that it is not there.
            let said =
                format!("{} {} {name}: {}", attributes(&field.attrs).join(" "), text(&field.vis), text(&field.ty));
            (said.trim().to_owned(), is_last_of_1_0(&field.attrs))
        };
        match &item.fields {
            Fields::Named(fields) => fields.named.iter().map(field).collect(),
            Fields::Unnamed(fields) => fields.unnamed.iter().map(field).collect(),
            Fields::Unit => Vec::new(),
        }
    };
    let (frozen, mut present) = (fields(frozen), fields(present));
    for field in present.iter_mut().skip(frozen.len()) {
        field.1 = true;
    }
    lists(name, &frozen, &present, problems);
}

fn traits(name: &str, frozen: &ItemTrait, present: &ItemTrait, problems: &mut Vec<String>) {
    let head = |item: &ItemTrait| {
        (attributes(&item.attrs), text(&item.generics), text(&item.supertraits), text(&item.unsafety))
    };
    if head(frozen) != head(present) {
        problems.push(format!("{name} has other attributes or bounds: {:?} was {:?}", head(present), head(frozen)));
    }
    let methods = |item: &ItemTrait, compared: usize| -> Vec<(String, bool)> {
        let method = |(position, item): (usize, &TraitItem)| match item {
            TraitItem::Fn(method) => {
                let said = format!("{} {}", attributes(&method.attrs).join(" "), text(&method.sig));
                let body = method.default.as_ref().map(text).unwrap_or_default();
                let is_new = position >= compared;
                let flag = if is_new { method.default.is_some() } else { is_last_of_1_0(&method.attrs) };
                (format!("{} {}", said.trim(), if is_new { "" } else { &body }).trim().to_owned(), flag)
            }
            other => (text(other), false),
        };
        item.items.iter().enumerate().map(method).collect()
    };
    let count = frozen.items.len();
    lists(name, &methods(frozen, count), &methods(present, count), problems);
}

/// A value of a prefix type is made on one's own side; all other code in the interface is part of it. Names for numbers may
/// be added, each for a number that has none.
fn impls(name: &str, frozen: &ItemImpl, present: &ItemImpl, problems: &mut Vec<String>) {
    if frozen.trait_.is_none() && text(&frozen.self_ty) == "ProviderModule" {
        return;
    }
    let head = |item: &ItemImpl| (attributes(&item.attrs), text(&item.generics), text(&item.unsafety));
    if head(frozen) != head(present) {
        problems.push(format!("{name} has other attributes or parameters"));
    }
    let entries = |item: &ItemImpl| -> BTreeMap<String, (String, Option<String>)> {
        let entry = |item: &ImplItem| match item {
            ImplItem::Const(item) => {
                let (ty, value) = (text(&item.ty), text(&item.expr));
                (format!("const {}", item.ident), (format!("{ty} = {value}"), Some(value)))
            }
            ImplItem::Fn(item) => {
                let said = format!("{} {} {}", attributes(&item.attrs).join(" "), text(&item.sig), text(&item.block));
                (format!("fn {}", item.sig.ident), (said, None))
            }
            other => (text(other), (String::new(), None)),
        };
        item.items.iter().map(entry).collect()
    };
    let (frozen, present) = (entries(frozen), entries(present));
    for (item, (said, _)) in &frozen {
        match present.get(item) {
            None => problems.push(format!("{name} has lost {item}")),
            Some((now, _)) if now != said => problems.push(format!("{name}, {item}: {now} was {said}")),
            Some(_) => {}
        }
    }
    let values: Vec<&String> = present.values().filter_map(|(_, value)| value.as_ref()).collect();
    for (item, (said, value)) in present.iter().filter(|(item, _)| !frozen.contains_key(*item)) {
        let is_new_number =
            value.as_ref().is_some_and(|value| values.iter().filter(|other| *other == &value).count() == 1);
        if !is_new_number {
            problems.push(format!("{name} has {item} more: {said}"));
        }
    }
}
