# Serves a Redmine of Debian's package over a folder of its own: ruby server.rb FOLDER PORT
#
# The first start makes what the tests use: people with API keys, a project, custom fields; it writes their ids to
# FOLDER/made.json. Where the folder's database is empty, it is made first (the package's own is a faster beginning).
require "json"
require "securerandom"

folder, port = ARGV
ENV["REDMINE_INSTANCE"] = "../" * 16 + folder
ENV["RAILS_ENV"] = "production"
require "/usr/share/redmine/config/environment"
$LOAD_PATH.push(*Dir["/usr/share/rubygems-integration/*/gems/webrick-*/lib"])
require "webrick"
require "rack/handler/webrick"

unless ActiveRecord::Base.connection.table_exists?("issues")
  ActiveRecord::MigrationContext.new("/usr/share/redmine/db/migrate", ActiveRecord::SchemaMigration).migrate
  ActiveRecord::Base.descendants.each(&:reset_column_information)
end
Redmine::DefaultData::Loader.load("en") if Redmine::DefaultData::Loader.no_data?

def person(login)
  user = User.find_by_login(login) || User.new(firstname: login, lastname: "test", mail: "#{login}@example.net", language: "en")
  user.login = login
  user.password = user.password_confirmation = SecureRandom.hex(16) if user.new_record?
  user.save!
  user
end

unless File.exist?(File.join(folder, "made.json"))
  Setting.rest_api_enabled = "1"
  trackers = Tracker.all.to_a
  project = Project.create!(name: "Support", identifier: "support", trackers: trackers, enabled_module_names: ["issue_tracking"])
  manager = Role.givable.find { |role| role.has_permission?(:edit_issues) }
  people = %w[secondline technician].to_h { |login| [login, person(login)] }
  people.each_value { |user| Member.create!(project: project, principal: user, roles: [manager]) }
  fields = ["Line", "Account", "Phone", "Verdict", "Cause", "Confidence"].to_h do |name|
    field = IssueCustomField.create!(name: name, field_format: "string", is_for_all: true, trackers: trackers)
    [name, field.id]
  end
  made = {
    keys: people.transform_values(&:api_key),
    ids: people.transform_values(&:id),
    fields: fields,
    project: project.id,
    statuses: IssueStatus.all.to_h { |status| [status.name, status.id] }
  }
  File.write(File.join(folder, "made.json"), JSON.generate(made))
end

quiet = WEBrick::Log.new(File.join(folder, "log", "webrick.log"), WEBrick::Log::WARN)
Rack::Handler::WEBrick.run(RedmineApp::Application, Host: "127.0.0.1", Port: port.to_i, AccessLog: [], Logger: quiet)
