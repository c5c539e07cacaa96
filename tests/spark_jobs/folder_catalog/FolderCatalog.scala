package lakehouse.tests

import java.nio.file.{Files, Path, Paths}
import java.util

import scala.jdk.CollectionConverters._

import org.apache.spark.sql.catalyst.analysis.{NoSuchNamespaceException, NoSuchTableException}
import org.apache.spark.sql.classic.SparkSession
import org.apache.spark.sql.connector.catalog._
import org.apache.spark.sql.connector.expressions.Transform
import org.apache.spark.sql.util.CaseInsensitiveStringMap

/** A catalog with schemas and Delta tables, as Unity Catalog has them: `catalog.schema.table` is the folder
  * `root/schema/table`. A table needs a schema that is there. What is done to a table is Delta's own work.
  */
class FolderCatalog extends StagingTableCatalog with SupportsNamespaces {
  private var catalogName = ""
  private var root: Path = _

  override def initialize(name: String, options: CaseInsensitiveStringMap): Unit = {
    catalogName = name
    root = Paths.get(options.get("root"))
  }

  override def name(): String = catalogName

  private def delta: StagingTableCatalog =
    SparkSession.active.sessionState.catalogManager.catalog("spark_catalog").asInstanceOf[StagingTableCatalog]

  private def folder(table: Identifier): Path = root.resolve(table.namespace.mkString("/")).resolve(table.name)

  private def inFolder(table: Identifier): Identifier = Identifier.of(Array("delta"), folder(table).toString)

  private def there(table: Identifier): Identifier = {
    if (!Files.isDirectory(folder(table).resolve("_delta_log"))) throw new NoSuchTableException(table)
    inFolder(table)
  }

  private def tobe(table: Identifier): Identifier = {
    if (!namespaceExists(table.namespace)) throw new NoSuchNamespaceException(catalogName +: table.namespace)
    inFolder(table)
  }

  override def capabilities(): util.Set[TableCatalogCapability] = delta.capabilities()

  override def tableExists(table: Identifier): Boolean = Files.isDirectory(folder(table).resolve("_delta_log"))

  override def loadTable(table: Identifier): Table = delta.loadTable(there(table))

  override def loadTable(table: Identifier, version: String): Table = delta.loadTable(there(table), version)

  override def loadTable(table: Identifier, timestamp: Long): Table = delta.loadTable(there(table), timestamp)

  override def listTables(schema: Array[String]): Array[Identifier] =
    children(root.resolve(schema.mkString("/"))).map(Identifier.of(schema, _))

  override def createTable(
      table: Identifier, columns: Array[Column], partitions: Array[Transform], properties: util.Map[String, String]
  ): Table = delta.createTable(tobe(table), columns, partitions, properties)

  override def stageCreate(
      table: Identifier, columns: Array[Column], partitions: Array[Transform], properties: util.Map[String, String]
  ): StagedTable = delta.stageCreate(tobe(table), columns, partitions, properties)

  override def stageReplace(
      table: Identifier, columns: Array[Column], partitions: Array[Transform], properties: util.Map[String, String]
  ): StagedTable = delta.stageReplace(there(table), columns, partitions, properties)

  override def stageCreateOrReplace(
      table: Identifier, columns: Array[Column], partitions: Array[Transform], properties: util.Map[String, String]
  ): StagedTable = delta.stageCreateOrReplace(tobe(table), columns, partitions, properties)

  override def alterTable(table: Identifier, changes: TableChange*): Table =
    delta.alterTable(there(table), changes: _*)

  override def dropTable(table: Identifier): Boolean = throw new UnsupportedOperationException("no job drops a table")

  override def renameTable(from: Identifier, to: Identifier): Unit =
    throw new UnsupportedOperationException("no job renames a table")

  override def namespaceExists(schema: Array[String]): Boolean = Files.isDirectory(root.resolve(schema.mkString("/")))

  override def listNamespaces(): Array[Array[String]] = children(root).map(Array(_))

  override def listNamespaces(schema: Array[String]): Array[Array[String]] = Array.empty

  override def loadNamespaceMetadata(schema: Array[String]): util.Map[String, String] = {
    if (!namespaceExists(schema)) throw new NoSuchNamespaceException(catalogName +: schema)
    Map.empty[String, String].asJava
  }

  override def createNamespace(schema: Array[String], properties: util.Map[String, String]): Unit =
    Files.createDirectory(root.resolve(schema.mkString("/")))

  override def alterNamespace(schema: Array[String], changes: NamespaceChange*): Unit =
    throw new UnsupportedOperationException("no job changes a schema")

  override def dropNamespace(schema: Array[String], cascade: Boolean): Boolean =
    throw new UnsupportedOperationException("no job drops a schema")

  private def children(folder: Path): Array[String] = {
    val listed = Files.list(folder)
    try listed.iterator.asScala.map(_.getFileName.toString).toArray.sorted
    finally listed.close()
  }
}
