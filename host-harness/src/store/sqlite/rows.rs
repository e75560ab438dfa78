use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OptionalExtension as _, Params, Row, Transaction, params};

use crate::fold::Folded;
use crate::store::{AuditEntry, Link, NewUser, Origin, Profile, Records, Status, StoreError, User, UserId};

/// The records inside one transaction.
pub(super) struct Rows<'a>(pub(super) &'a Transaction<'a>);

const USER: &str = "SELECT id, name, display_name, email, phone, status, origin FROM user";
const LINK: &str = "SELECT provider_instance, subject, subject_attribute, user_id, login FROM identity_link";

impl Rows<'_> {
    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.0.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    fn change(&self, sql: &str, params: impl Params) -> Result<(), StoreError> {
        self.0.prepare_cached(sql)?.execute(params)?;
        Ok(())
    }
}

impl Records for Rows<'_> {
    fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(&format!("{USER} WHERE id = ?1"), [id], user)
    }

    fn user_named(&self, name: &Folded) -> Result<Option<User>, StoreError> {
        self.one(&format!("{USER} WHERE folded_name = ?1"), [name.as_str()], user)
    }

    fn local_user_known_as(&self, name_or_email: &Folded) -> Result<Option<User>, StoreError> {
        let sql = format!("{USER} WHERE origin = 'local' AND (folded_name = ?1 OR folded_email = ?1) LIMIT 1");
        self.one(&sql, [name_or_email.as_str()], user)
    }

    fn user_known_as(&self, name_or_email: &Folded, own: Option<UserId>) -> Result<Option<User>, StoreError> {
        let sql = format!("{USER} WHERE (folded_name = ?1 OR folded_email = ?1) AND id IS NOT ?2 LIMIT 1");
        self.one(&sql, params![name_or_email.as_str(), own], user)
    }

    fn link(&self, instance: &str, subject: &str) -> Result<Option<Link>, StoreError> {
        self.one(&format!("{LINK} WHERE provider_instance = ?1 AND subject = ?2"), [instance, subject], link)
    }

    fn links_of(&self, user: UserId) -> Result<Vec<Link>, StoreError> {
        let mut statement =
            self.0.prepare_cached(&format!("{LINK} WHERE user_id = ?1 ORDER BY provider_instance, subject"))?;
        let links = statement.query_map([user], link)?.collect::<rusqlite::Result<_>>()?;
        Ok(links)
    }

    fn subject_attributes(&self, instance: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT subject_attribute FROM identity_link WHERE provider_instance = ?1 ORDER BY 1";
        let mut statement = self.0.prepare_cached(sql)?;
        let attributes = statement.query_map([instance], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(attributes)
    }

    fn local_password(&self, user: UserId) -> Result<Option<String>, StoreError> {
        self.one("SELECT phc FROM local_password WHERE user_id = ?1", [user], |row| row.get(0))
    }

    fn each_user(&self, visit: &mut dyn FnMut(User, Vec<Link>) -> bool) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(&format!("{USER} ORDER BY id"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let user = user(row)?;
            let links = self.links_of(user.id)?;
            if !visit(user, links) {
                break;
            }
        }
        Ok(())
    }

    fn insert_user(&mut self, new: &NewUser) -> Result<User, StoreError> {
        let profile = &new.profile;
        let email = profile.folded_email();
        let inserted = self
            .0
            .prepare_cached(
                "INSERT INTO user (name, folded_name, display_name, email, folded_email, phone, origin)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .insert(params![
                profile.name,
                profile.folded_name().as_str(),
                profile.display_name,
                profile.email,
                email.as_ref().map(Folded::as_str),
                profile.phone,
                new.origin,
            ]);
        let id = inserted.map_err(name_taken)?;
        self.user(UserId(id))?
            .ok_or_else(|| StoreError::Damaged("a user that was just created is not there".to_owned()))
    }

    fn update_profile(&mut self, user: UserId, profile: &Profile) -> Result<(), StoreError> {
        let email = profile.folded_email();
        self.0
            .prepare_cached(
                "UPDATE user SET name = ?2, folded_name = ?3, display_name = ?4, email = ?5, folded_email = ?6, phone = ?7,
                                 updated_at = unixepoch()
                 WHERE id = ?1",
            )?
            .execute(params![
                user,
                profile.name,
                profile.folded_name().as_str(),
                profile.display_name,
                profile.email,
                email.as_ref().map(Folded::as_str),
                profile.phone,
            ])
            .map_err(name_taken)?;
        Ok(())
    }

    fn rename_user(&mut self, user: UserId, name: &str) -> Result<(), StoreError> {
        self.0
            .prepare_cached("UPDATE user SET name = ?2, folded_name = ?3, updated_at = unixepoch() WHERE id = ?1")?
            .execute(params![user, name, Folded::new(name).as_str()])
            .map_err(name_taken)?;
        Ok(())
    }

    fn set_status(&mut self, user: UserId, status: Status) -> Result<(), StoreError> {
        self.change("UPDATE user SET status = ?2, updated_at = unixepoch() WHERE id = ?1", params![user, status])
    }

    fn insert_link(&mut self, link: &Link) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO identity_link (provider_instance, subject, subject_attribute, user_id, login)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![link.instance, link.subject, link.subject_attribute, link.user, link.login],
        )
    }

    fn update_link_login(&mut self, instance: &str, subject: &str, login: &str) -> Result<(), StoreError> {
        self.change(
            "UPDATE identity_link SET login = ?3 WHERE provider_instance = ?1 AND subject = ?2",
            [instance, subject, login],
        )
    }

    fn set_local_password(&mut self, user: UserId, phc: &str) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO local_password (user_id, phc) VALUES (?1, ?2)
             ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, updated_at = unixepoch()",
            params![user, phc],
        )
    }

    fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO audit (action, user_id, provider_instance, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![entry.action, entry.user, entry.instance, entry.subject, entry.detail],
        )
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        email: row.get(3)?,
        phone: row.get(4)?,
        status: row.get(5)?,
        origin: row.get(6)?,
    })
}

fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link {
        instance: row.get(0)?,
        subject: row.get(1)?,
        subject_attribute: row.get(2)?,
        user: row.get(3)?,
        login: row.get(4)?,
    })
}

/// The folded name is the only unique column that these statements can violate.
fn name_taken(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error() {
        Some(cause) if cause.code == ErrorCode::ConstraintViolation && is_unique(cause.extended_code) => {
            StoreError::NameTaken
        }
        _ => error.into(),
    }
}

fn is_unique(extended_code: i32) -> bool {
    extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
}

impl ToSql for UserId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for UserId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }))
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl ToSql for Origin {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Local => "local",
            Self::Directory => "directory",
        }))
    }
}

impl FromSql for Origin {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "local" => Ok(Self::Local),
            "directory" => Ok(Self::Directory),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
